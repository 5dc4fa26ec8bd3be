// What every widget's page is made of: elements, text, Enter. No text is ever taken as HTML.
function element(tag, className, parent, attributes = {}, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  // JupyterLab looks for this on the element with the focus itself; without it, arrow keys and Enter are the notebook's.
  if (made.matches("button, input, select, textarea, summary, [tabindex]")) made.setAttribute("data-lm-suppress-shortcuts", "true");
  if (text) write(made, text);
  if (parent) parent.appendChild(made);
  return made;
}

// JupyterLab keeps a line break from text fields, and with it the browser's own "Enter submits".
function submitOnEnter(form) {
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

// Text with `code` in it, and blank lines between paragraphs; nothing is taken as HTML.
function write(into, text) {
  String(text).split("`").forEach((part, i) => {
    if (i % 2) element("code", "", into).textContent = part;
    else into.appendChild(document.createTextNode(part));
  });
}
