// The page's half of a quiz: shows what the kernel sends, sends what the reader answers. It never holds the key.
let count = 0;

const SURE = ["sure", "fairly sure", "guessing"];
const MARK = { good: "ms-good", bad: "ms-bad", missed: "ms-warn", note: "ms-note" };

export default {
  render({ model, el }) {
    const id = `ms-quiz-${++count}`;
    const card = element("section", "ms-card ms-quiz", el, { "data-lm-suppress-shortcuts": "true", "aria-label": `Questions of ${model.get("about")}` });
    const bar = element("div", "", card), body = element("div", "", card);
    const status = element("div", "", card, { role: "status", "aria-live": "polite" });
    let focus = false;
    const send = (what) => { focus = true; model.send(what); };

    // Drop-downs and a button above the questions, where the kernel offers choices.
    function chooser(choices) {
      const form = element("form", "ms-row ms-choose", bar, { "aria-label": "Choose questions" });
      const fields = Object.entries(choices).map(([name, options]) => {
        const label = element("label", "ms-inline", form);
        element("span", "ms-muted", label, {}, name);
        const field = element("select", "ms-field", label, { name });
        element("option", "", field, { value: "" }, "any");
        for (const [value, words] of options) element("option", "", field, { value }, words);
        return field;
      });
      element("button", "ms-button", form, { type: "submit" }, "Ask me");
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send({ do: "ask", ...Object.fromEntries(fields.map((field) => [field.name, field.value])) });
      });
    }

    function choose() {
      return element("p", "ms-muted", body, { tabindex: "-1" }, "Choose a family, a level and a kind, or leave them open, and press Ask me.");
    }

    function head(view) {
      element("p", "ms-kicker", body, {}, `Question ${view.number} of ${view.count} · ${view.level} · ${view.family}`);
      const meter = element("div", "ms-progress", body, { role: "progressbar", "aria-label": "questions answered", "aria-valuemin": 0, "aria-valuemax": view.count, "aria-valuenow": view.done });
      element("span", "", meter).style.width = `${(100 * view.done) / view.count}%`;
      const title = element("div", "ms-prompt", body, { id: `${id}-prompt`, tabindex: "-1" });
      paragraphs(title, view.prompt);
      return title;
    }

    function confidence(form) {
      const row = element("fieldset", "ms-row ms-sure", form);
      element("legend", "ms-muted", row, {}, "How sure are you? (not graded)");
      for (const text of SURE) {
        const label = element("label", "ms-inline", row);
        element("input", "", label, { type: "radio", name: `${id}-sure`, value: text });
        element("span", "", label, {}, text);
      }
      return () => (form.querySelector(`input[name="${id}-sure"]:checked`) || { value: "" }).value;
    }

    function options(form, view) {
      const kind = view.type === "several" ? "checkbox" : "radio";
      const set = element("fieldset", "", form, { "aria-labelledby": `${id}-prompt` });
      if (kind === "checkbox") element("p", "ms-muted", set, {}, "Choose all that are right; each option counts.");
      view.options.forEach((text, i) => {
        const label = element("label", "ms-option", set);
        element("input", "", label, { type: kind, name: `${id}-option`, value: i });
        element("span", "", label, {}, text);
      });
      return () => {
        const chosen = [...set.querySelectorAll("input:checked")].map((x) => Number(x.value));
        return kind === "radio" ? (chosen.length ? chosen[0] : null) : chosen;
      };
    }

    function number(form, view) {
      const row = element("div", "ms-row", form);
      const field = element("input", "ms-field", row, { type: "text", inputmode: "decimal", autocomplete: "off", "aria-labelledby": `${id}-prompt` });
      element("span", "ms-muted", row, {}, view.unit ? `in ${view.unit}, or with a unit of your own` : "a plain number, or a percentage");
      return () => field.value;
    }

    function ordering(form, view) {
      const order = view.options.map((_, i) => i);
      element("p", "ms-muted", form, {}, "First on top. Arrow keys move the item whose button has the focus.");
      const list = element("ol", "ms-order", form, { "aria-labelledby": `${id}-prompt` });
      const rows = view.options.map((text, i) => {
        const row = element("li", "ms-option", null), moves = element("span", "ms-moves", row);
        for (const [sign, step, word] of [["↑", -1, "up"], ["↓", 1, "down"]]) {
          element("button", "ms-button ms-quiet", moves, { type: "button", "aria-label": `move ${word}: ${text}` }, sign).addEventListener("click", () => move(i, step));
        }
        row.addEventListener("keydown", (event) => {
          const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (!step) return;
          event.preventDefault();
          move(i, step, event.target);
        });
        element("span", "", row, {}, text);
        return row;
      });
      function move(i, step, target = document.activeElement) {
        const from = order.indexOf(i), to = from + step;
        if (to < 0 || to >= order.length) return;
        [order[from], order[to]] = [order[to], order[from]];
        draw();
        if (target) target.focus();
        status.textContent = `now at place ${to + 1}`;
      }
      const draw = () => order.forEach((i) => list.appendChild(rows[i]));
      draw();
      return () => order;
    }

    function open(form) {
      const field = element("textarea", "ms-field", form, { rows: 6, "aria-labelledby": `${id}-prompt`, placeholder: "Say it as you would in the interview." });
      element("p", "ms-muted", form, {}, "Model answers come when you have committed to yours.");
      return () => field.value;
    }

    function question(view) {
      const title = head(view), form = element("form", "", body);
      if (view.type === "reading") figures(form, view);
      const kinds = { one: options, several: options, reading: options, number, ordering, open, matching, design };
      const answer = kinds[view.type](form, view, id);
      if (view.hint) {
        const more = element("details", "ms-hint", form);
        element("summary", "", more, {}, "Hint");
        element("p", "", more, {}, view.hint);
      }
      const sure = confidence(form);
      element("button", "ms-button", form, { type: "submit" }, "Commit");
      submitOnEnter(form);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send({ do: "commit", answer: answer(), confidence: sure() });
      });
      return title;
    }

    function rubric(view) {
      head(view);
      element("p", "ms-kicker", body, {}, "Your answer");
      element("blockquote", "ms-prose", body, {}, view.written);
      for (const [level, text] of view.models) {
        const more = element("details", "", body);
        element("summary", "", more, {}, `A ${level} answer`);
        paragraphs(more, text);
      }
      if (view.flags.length) {
        const flags = element("div", "ms-note", body);
        element("strong", "", flags, {}, "Red flags, which a good answer avoids");
        const list = element("ul", "", flags);
        view.flags.forEach((text) => element("li", "", list, {}, text));
      }
      const form = element("form", "", body);
      const lead = element("p", "", form, { tabindex: "-1" }, "You grade yourself: which of these points did you make? Copy the words that say so, at least 8 letters, and ask of each quote: does it say this? A point without evidence does not count.");
      const fields = view.points.map((text, i) => {
        const label = element("label", "ms-point", form);
        element("span", "", label, {}, text);
        return element("input", "ms-field", label, { type: "text", autocomplete: "off", "data-point": i });
      });
      element("button", "ms-button", form, { type: "submit" }, "Score it");
      submitOnEnter(form);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send({ do: "evidence", quotes: Object.fromEntries(fields.map((field, i) => [String(i), field.value])) });
      });
      return lead;
    }

    function working(steps) {
      if (!steps.length) return;
      const table = element("table", "ms-table ms-fit ms-working", body);
      element("caption", "", table, {}, "The working");
      const rows = element("tbody", "", table);
      for (const [what, how, result] of steps) {
        const row = element("tr", "", rows);
        element("th", "", row, { scope: "row" }, what);
        element("td", "", row, {}, how);
        element("td", "", row, {}, `= ${result}`);
      }
    }

    function verdict(view) {
      head({ ...view, done: view.done + 1 });
      const kind = view.points === 1 ? "ms-good" : view.points > 0 ? "ms-warn" : "ms-bad";
      const said = element("div", kind, body, { tabindex: "-1" }, view.said);
      if (view.type === "reading") figures(body, view);
      if (view.written) element("blockquote", "ms-prose", body, {}, view.written);
      if (view.reference) {
        const more = element("details", "", body);
        element("summary", "", more, {}, "A design that keeps them all");
        element("pre", "", more).textContent = view.reference;
      }
      for (const [mark, what, why] of view.notes) {
        const note = element("div", MARK[mark], body);
        element("strong", "", note, {}, mark === "missed" ? `Left out: ${what}` : what);
        if (why) element("div", "", note, {}, why);
      }
      working(view.steps);
      paragraphs(body, view.explanation);
      if (view.source) element("p", "ms-muted", body, {}, `Source: ${view.source}`);
      const next = element("button", "ms-button", body, { type: "button" }, view.last ? "To the summary" : "Next question");
      next.addEventListener("click", () => send({ do: "next" }));
      return said;
    }

    function summary(view) {
      element("p", "ms-kicker", body, {}, "Summary");
      const big = element("p", "ms-big", body, { tabindex: "-1" }, `${view.points} of ${view.count} points`);
      if (view.study.length) {
        element("p", "", body, {}, "Worth another look:");
        const list = element("ul", "", body);
        view.study.forEach((text) => element("li", "", list, {}, text));
      }
      if (view.surprises.length) {
        element("p", "", body, {}, "You were sure of these, and they were not right:");
        const list = element("ul", "", body);
        view.surprises.forEach((text) => element("li", "", list, {}, text));
      }
      const again = element("button", "ms-button", body, { type: "button" }, view.study.length ? "These again" : "Once more");
      again.addEventListener("click", () => send({ do: "again" }));
      return big;
    }

    function show(view) {
      status.replaceChildren();
      if (view.view === "unclear") {
        element("div", "ms-warn", status, {}, view.text);
        return;
      }
      body.replaceChildren();
      const first = { choose, question, rubric, verdict, summary }[view.view](view);
      if (focus) first.focus({ preventScroll: false });
      focus = false;
    }

    const choices = model.get("choices");
    if (Object.keys(choices).length) chooser(choices);
    model.on("msg:custom", show);
    element("p", "ms-muted", body, {}, "Waiting for the kernel …");
    model.send({ do: "show" });
    return () => model.off("msg:custom", show);
  },
};
