// Fields of the questions that need more than options: to match, to read a chart, to draw a design.
function matching(form, view, id) {
  element("p", "ms-muted", form, {}, "Choose one for each; some may be left over.");
  const fields = view.items.map((text, i) => {
    const label = element("label", "ms-point", form);
    element("span", "", label, {}, text);
    const field = element("select", "ms-field", label, { name: `${id}-match-${i}`, "aria-label": `what belongs to: ${text}` });
    element("option", "", field, { value: "" }, "choose …");
    view.options.forEach((option, n) => element("option", "", field, { value: n }, option));
    return field;
  });
  return () => fields.map((field) => (field.value === "" ? null : Number(field.value)));
}

function figures(form, view) {
  const figure = element("figure", "ms-figure", form);
  const paper = element("div", "ms-paper", figure);
  element("img", "", paper, { src: view.picture, alt: `${view.caption} The figures are in the table below.` });
  element("figcaption", "ms-muted", figure, {}, view.caption);
  const more = element("details", "", form);
  element("summary", "", more, {}, "The same as a table");
  const table = element("table", "ms-table ms-fit", more);
  const head = element("tr", "", element("thead", "", table));
  view.columns.forEach((name) => element("th", "ms-number", head, { scope: "col" }, name));
  const rows = element("tbody", "", table);
  for (const cells of view.rows) {
    const row = element("tr", "", rows);
    cells.forEach((cell, i) => element(i ? "td" : "th", "ms-number", row, i ? {} : { scope: "row" }, String(cell)));
  }
}

function design(form, view, id) {
  const list = element("ul", "", form, { "aria-label": "objectives" });
  for (const [name, wanted] of view.objectives) element("li", "", list, {}, `${name}: ${wanted}`);
  element("p", "ms-muted", form, {}, "Change the text; committing runs it, which may take some seconds. Esc, then Tab leaves the field.");
  const field = element("textarea", "ms-field ms-code", form, { rows: 14, spellcheck: "false", "aria-labelledby": `${id}-prompt` });
  field.value = view.starter;
  return () => field.value;
}
