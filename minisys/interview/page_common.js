// What the pages of questions and interviews share.
function paragraphs(parent, text) {
  for (const part of String(text).split(/\n\s*\n/)) element("p", "ms-prose", parent, {}, part);
}
