// The form of a prediction: a number or a choice, one button, and no way back.
let count = 0;

export default {
  render({ model, el }) {
    const choices = model.get("choices"), unit = model.get("unit"), id = `ms-predict-${++count}`;
    const card = element("form", "ms-card ms-predict", el, { "data-lm-suppress-shortcuts": "true", "aria-labelledby": id });
    element("p", "ms-kicker", card, {}, "Your prediction, before you see");
    element("h4", "ms-title", card, { id }, model.get("question"));
    const fields = element("fieldset", "", card);
    let field = null;
    if (choices.length) {
      for (const [i, text] of choices.entries()) {
        const label = element("label", "ms-option", fields);
        element("input", "", label, { type: "radio", name: id, value: i });
        element("span", "", label, {}, text);
      }
    } else {
      const row = element("div", "ms-row", fields);
      field = element("input", "ms-field", row, { type: "number", step: "any", "aria-label": unit ? `prediction in ${unit}` : "prediction" });
      if (unit) element("span", "", row, {}, unit);
    }
    const row = element("div", "ms-row", card);
    const commit = element("button", "ms-button", row, { type: "submit" }, "Commit");
    const says = element("span", "ms-muted", row, { role: "status" });
    const value = () => {
      if (field) return field.value === "" || !Number.isFinite(field.valueAsNumber) ? null : field.valueAsNumber;
      const chosen = card.querySelector("input:checked");
      return chosen ? choices[Number(chosen.value)] : null;
    };
    function update() {
      const committed = model.get("committed"), done = committed !== null && committed !== undefined;
      commit.disabled = done || value() === null;
      fields.disabled = done;
      if (done && field) field.value = committed;
      if (done) card.querySelectorAll("input[type=radio]").forEach((x) => { x.checked = choices[Number(x.value)] === committed; });
      says.textContent = done ? `Committed: ${committed}${unit ? " " + unit : ""}. You will meet it again below.` : "It cannot be changed afterwards.";
    }
    card.addEventListener("input", update);
    submitOnEnter(card);
    card.addEventListener("submit", (event) => {
      event.preventDefault();
      if (value() === null || model.get("committed") !== null) return;
      model.set("committed", value());
      model.save_changes();
      update();
    });
    model.on("change:committed", update);
    update();
    return () => model.off("change:committed", update);
  },
};
