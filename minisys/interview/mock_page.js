// The page's half of a mock interview: the clock between two messages, fields and buttons. The state is the kernel's.
let talks = 0;
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export default {
  render({ model, el }) {
    const id = `ms-mock-${++talks}`;
    const card = element("section", "ms-card ms-quiz ms-mock", el, { "data-lm-suppress-shortcuts": "true", "aria-label": model.get("about") });
    const body = element("div", "", card), status = element("div", "", card, { role: "status", "aria-live": "polite" });
    let focus = "", view = {}, since = 0, fields = {}, sent = "";
    const send = (what, next = "") => {
      focus = next;
      if (!["draft", "show"].includes(what.do)) status.textContent = "The interviewer is working …";
      model.send(what);
    };
    const button = (parent, text, act, quiet = false) => {
      const made = element("button", `ms-button${quiet ? " ms-quiet" : ""}`, parent, { type: "button" }, text);
      made.addEventListener("click", act);
      return made;
    };
    const written = () => ({ words: fields.words ? fields.words.value : "", design: fields.design ? fields.design.value : "" });

    function table(parent, head, rows, caption) {
      const made = element("table", "ms-table", parent);
      if (caption) element("caption", "", made, {}, caption);
      const top = element("tr", "", element("thead", "", made)), lines = element("tbody", "", made);
      head.forEach((name) => element("th", "", top, { scope: "col" }, name));
      for (const cells of rows) {
        const row = element("tr", "", lines);
        cells.forEach((cell, i) => element(i ? "td" : "th", "", row, i ? {} : { scope: "row" }, cell));
      }
    }

    function drawn(parent, seen, title) {
      const side = element("div", "ms-side", parent);
      element("p", "ms-kicker", side, {}, title);
      element("img", "", element("div", "ms-paper", side), { src: seen.picture, alt: `${title}, drawn; the text beside it says the same` });
      table(side, ["objective", "wanted", "got", ""], seen.rows);
      seen.notes.forEach((note) => element("div", "ms-note", side, {}, note));
    }

    function choose() {
      element("p", "ms-title", body, {}, view.title);
      for (const one of view.open) button(body, `Go on: ${one.title}`, () => send({ do: "open", name: one.name }, "first"));
      const form = element("form", "ms-row ms-pick", body, { "aria-label": view.title });
      const pick = (name, options, chosen) => {
        const label = element("label", "ms-inline", form);
        element("span", "ms-muted", label, {}, name);
        const field = element("select", "ms-field", label, { name });
        for (const [value, words] of options) element("option", "", field, { value }, words);
        if (chosen) field.value = chosen;
        return field;
      };
      const which = pick("case", view.cases), long = view.minutes.length ? pick("minutes", view.minutes.map((m) => [m, m]), 45) : null;
      element("button", "ms-button", form, { type: "submit" }, "Begin");
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send({ do: "begin", case: which.value, minutes: long ? Number(long.value) : 0 }, "first");
      });
      if (view.past.length) table(body, ["your interviews", "points", "verdict"], view.past);
    }

    function phases(parent) {
      const list = element("ol", "ms-phases", parent, { "aria-label": "phases and their time marks" });
      view.phases.forEach((phase, i) => {
        const now = i === view.phase ? { "aria-current": "step" } : {};
        element("li", i < view.phase ? "ms-muted" : "", list, now, `${phase.name} until ${clock(phase.mark_s)}`);
      });
    }

    function tick() {
      if (!card.isConnected && view.view) return;
      const time = card.querySelector(".ms-clock"), mark = card.querySelector(".ms-mark");
      if (!time || view.view !== "talk") return;
      const passed = view.elapsed_s + (view.running ? (performance.now() - since) / 1000 : 0), end = view.phases[view.phase].mark_s;
      time.textContent = clock(passed);
      mark.textContent = view.running ? (passed > end ? `${clock(passed - end)} over: time to move on` : `${clock(end - passed)} left for ${view.phases[view.phase].name}`) : "paused";
      mark.className = `ms-mark ${passed > end && view.running ? "ms-over" : "ms-muted"}`;
    }

    function talk() {
      const head = element("div", "ms-row", body);
      element("strong", "ms-title", head, {}, view.title);
      element("span", "ms-big ms-clock", head, { role: "timer", "aria-label": "interview clock" });
      element("span", "ms-mark", head);
      phases(body);
      const log = element("div", "ms-log", body, { role: "log", tabindex: "0", "aria-label": "what was said" });
      for (const line of view.lines) {
        const one = element("div", `ms-line ms-${line.who}`, log);
        element("span", "ms-kicker", one, {}, `${line.who} · ${line.phase}`);
        paragraphs(one, line.text);
      }
      log.scrollTop = log.scrollHeight;
      if (!view.running) return button(body, "Go on", () => send({ do: "resume" }, "words"));
      const label = element("label", "ms-point", body);
      element("span", "", label, {}, "You say");
      fields.words = element("textarea", "ms-field", label, { rows: 4, name: "words" });
      fields.words.value = view.words;
      const row = element("div", "ms-row", body);
      button(row, "Say it", () => send({ do: "say", text: fields.words.value }, "words"));
      if (view.drawing) sketchField(view.design, "Your design");
      button(row, view.next, () => send({ do: "next", ...written() }, "words"), true);
      button(row, "Pause", () => send({ do: "pause", ...written() }, "first"), true);
      return fields.words;
    }

    function sketchField(text, name) {
      const label = element("label", "ms-point", body);
      element("span", "", label, {}, `${name}, as text`);
      fields.design = element("textarea", "ms-field ms-code", label, { rows: 12, name: "design", spellcheck: "false" });
      fields.design.value = text;
      button(body, "Draw and run", () => send({ do: "draw", text: fields.design.value, ...written() }, "design"));
      if (view.seen) drawn(body, view.seen, name);
      return fields.design;
    }

    function sketch() {
      element("p", "ms-title", body, {}, view.title);
      paragraphs(body, view.brief);
      const field = sketchField(view.design, "Yours");
      if (view.seen && !view.reference) button(body, "Show the reference", () => send({ do: "next", ...written() }, "design"), true);
      if (view.reference) {
        drawn(body, view.reference, "The reference");
        table(body, view.compared.head, view.compared.rows, "Yours beside the reference");
      }
      button(body, "Another case", () => send({ do: "another" }, "first"), true);
      return field;
    }

    function score() {
      element("p", "ms-title", body, { tabindex: "-1" }, "Score yourself, from 0 (missing) to 4 (strong hire)");
      element("p", "", body, {}, "Each score needs a line of evidence. From 2 on it must be words that were said or measured: type a few and choose, or copy. For 0 and 1 say what was missing.");
      const lines = element("datalist", "", body, { id: `${id}-lines` });
      view.lines.forEach((text) => element("option", "", lines, { value: text }));
      const form = element("form", "", body, { "aria-label": "scorecard" });
      const rows = view.dimensions.map((one) => {
        const set = element("fieldset", "ms-point", form);
        element("legend", "", set, {}, `${one.name} (${one.weight} of 100 points)`);
        element("p", "ms-muted", set, {}, one.three);
        const pick = element("select", "ms-field", set, { name: "score", "aria-label": `score for ${one.name}` });
        element("option", "", pick, { value: "" }, "score …");
        for (let n = 0; n <= 4; n++) element("option", "", pick, { value: n }, `${n}`);
        const proof = element("input", "ms-field", set, { type: "text", name: "evidence", list: `${id}-lines`, autocomplete: "off", "aria-label": `evidence for ${one.name}` });
        return [one.name, pick, proof];
      });
      element("button", "ms-button", form, { type: "submit" }, "To the report");
      submitOnEnter(form);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const filled = rows.map(([name, pick, proof]) => [name, [pick.value === "" ? null : Number(pick.value), proof.value]]);
        send({ do: "score", card: Object.fromEntries(filled) }, "first");
      });
    }

    function report() {
      element("p", "ms-big", body, { tabindex: "-1" }, view.headline);
      element("h3", "", body, {}, "Study first");
      const list = element("ol", "", body);
      for (const [what, why, chapter, file] of view.study) {
        const item = element("li", "", list);
        element("strong", "", item, {}, what);
        write(item, `: ${why} `);
        element("a", "", item, { href: file }, `Chapter ${chapter}`);
      }
      table(body, ["dimension", "weight", "score", "means", "evidence"], view.scores);
      table(body, ["phase", "planned", "taken"], view.times);
      for (const line of view.asked) element("div", "ms-note", body, {}, line);
      element("p", "", body, {}, view.saved);
      button(body, "Another interview", () => send({ do: "another" }, "first"));
    }

    function show(message) {
      status.replaceChildren();
      if (message.view === "unclear") return void element("div", "ms-warn", status, {}, message.text);
      view = message; since = performance.now(); fields = {};
      body.replaceChildren();
      const main = { choose, talk, sketch, score, report }[view.view]();
      const first = card.querySelector("button, select, textarea, [tabindex='-1']");
      const target = focus === "design" ? fields.design : focus === "words" ? main : first;
      if (focus && target) target.focus();
      focus = "";
      tick();
    }

    model.on("msg:custom", show);
    element("p", "ms-muted", body, {}, "Waiting for the kernel …");
    model.send({ do: "show" });
    const every = setInterval(tick, 500), keep = setInterval(() => {
      if (view.view !== "talk" || !view.running) return;
      send({ do: "draft", ...written() });
    }, 10000);
    return () => { clearInterval(every); clearInterval(keep); model.off("msg:custom", show); };
  },
};
