// The page's half of a mock interview: the clock between two messages, fields and buttons. The state is the kernel's.
let talks = 0;
const KEYS = [
  ["app: {kind: service, takes: 3 ms, workers: 4, calls: [db]}", "one line a part; kinds: dns, edge, balancer, service, cache, database, queue, workers, external"],
  ["copies: 3", "machines alike, in turn in the region's zones"],
  ["zones: [eu-a, eu-b]", "only these zones; it needs as many copies"],
  ["calls: [{to: db, timeout: 300 ms, attempts: 2, backoff: 20 ms, budget: 20 %}]", "an arrow: when to give up, how often to try, the share that may be tries again"],
  ["on: reads, writes or misses", "in an arrow: which requests go there; misses come after a cache"],
  ["queue: 100", "of any part: so many may wait at each copy, the next is refused"],
  ["optional: yes", "in an arrow: it is answered without it"],
  ["cache: {kind: cache, takes: 0.3 ms, workers: 4, hits: 90 %}", "to be called before the database, which is then called on: misses"],
  ["replication: semi-sync", "of a database with 2 copies or more; also async (may lose writes), all, raft (3 copies)"],
  ["failover: 10 s, read_replicas: yes", "how soon a copy takes over; reads go to any copy"],
  ["balancer: {kind: balancer, copies: 3, takes: 0.2 ms, workers: 4, policy: least connections, calls: [app]}", "passes requests on to one part"],
];
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export default {
  render({ model, el }) {
    const id = `ms-mock-${++talks}`;
    const card = element("section", "ms-card ms-quiz ms-mock", el, { "data-lm-suppress-shortcuts": "true", "aria-label": model.get("about") });
    const body = element("div", "", card), status = element("div", "", card, { role: "status", "aria-live": "polite" });
    let focus = "", view = {}, since = 0, fields = {}, sent = "";
    const send = (what, next = "") => {
      if (what.do !== "draft") focus = next;
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
      table(side, ["objective", "wanted", "got", "", "what missed it"], seen.rows);
      seen.notes.forEach((note) => element("div", "ms-note", side, {}, note));
      return side;
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
      if (view.view !== "talk") return;
      const passed = view.elapsed_s + (view.running ? (performance.now() - since) / 1000 : 0), end = view.phases[view.phase].mark_s;
      const left = view.running ? (passed > end ? `${clock(passed - end)} over: time to move on` : `${clock(end - passed)} left for ${view.phases[view.phase].name}`) : "paused";
      for (const time of card.querySelectorAll(".ms-clock")) time.textContent = clock(passed);
      for (const mark of card.querySelectorAll(".ms-mark")) {
        mark.textContent = left;
        mark.className = `ms-mark ${passed > end && view.running ? "ms-over" : "ms-muted"}`;
      }
    }

    function spoken(parent, line) {
      const one = element("div", `ms-line ms-${line.who}`, parent);
      element("span", "ms-kicker", one, {}, `${line.who === "answer" ? "interviewer" : line.who} · ${line.phase}`);
      if (!line.more) return paragraphs(one, line.text);
      const more = element("details", "", one);
      element("summary", "", more, {}, line.text);
      line.more.forEach((text) => element("div", /: missed$/.test(text) ? "ms-over" : "", more, {}, text));
      line.beside.forEach((text) => element("div", "", one, {}, text));
    }

    function talk() {
      const head = element("div", "ms-row", body);
      element("strong", "ms-title", head, {}, view.title);
      element("span", "ms-big ms-clock", head, { role: "timer", "aria-label": "interview clock" });
      element("span", "ms-mark", head);
      phases(body);
      const log = element("div", "ms-log", body, { role: "log", tabindex: "0", "aria-label": "what was said" });
      view.lines.forEach((line) => spoken(log, line));
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

    // Clock and question once more, where somebody draws: the ones at the top are out of sight there.
    function here(parent) {
      const row = element("div", "ms-row ms-here", parent, { "aria-hidden": "true" });
      element("strong", "ms-clock", row);
      element("span", "ms-mark", row);
      const asked = view.lines.filter((line) => line.who === "interviewer").pop();
      if (asked) element("span", "ms-muted", row, {}, asked.text.length > 220 ? `… ${asked.text.slice(-220)}` : asked.text);
    }

    function help(parent) {
      const more = element("details", "", parent);
      element("summary", "", more, {}, "How to write it: the keys that decide most");
      const list = element("ul", "", more);
      KEYS.forEach(([key, text]) => { const item = element("li", "", list); element("code", "", item, {}, key); write(item, ` ${text}`); });
    }

    function sketchField(text, name) {
      element("p", "ms-muted", body, {}, `Promised: ${view.wanted.join(" · ")}`);
      help(body);
      if (view.view === "talk") here(body);
      const label = element("label", "ms-point", body);
      element("span", "", label, {}, `${name}, as text`);
      fields.design = element("textarea", "ms-field ms-code", label, { rows: 12, name: "design", spellcheck: "false" });
      fields.design.value = text;
      button(body, "Draw and run", () => send({ do: "draw", text: fields.design.value, ...written() }, "design"));
      fields.problem = element("div", "", body, { role: "status", "aria-live": "polite" });
      if (view.seen) fields.result = drawn(body, view.seen, name);
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
      element("p", "", body, {}, "Each score needs a line of evidence. From 2 on it must be your own words, or a line of your design: type a few and choose, or copy. For 0 and 1 say what was missing.");
      const talk = element("details", "", body);
      element("summary", "", talk, {}, "Your words, to copy from; what was measured stands beside them");
      view.said.forEach((line) => spoken(talk, line));
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
        element("span", "ms-muted", set, {}, "evidence");
        const proof = element("input", "ms-field", set, { type: "text", name: "evidence", list: `${id}-lines`, autocomplete: "off", "aria-label": `evidence for ${one.name}` });
        return [one.name, pick, proof];
      });
      element("button", "ms-button", form, { type: "submit" }, "To the report");
      submitOnEnter(form);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        form.querySelector("[type=submit]").disabled = true; // a second press would come after the interview
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
      element("p", "", body, {}, "What to doubt in it:");
      for (const line of view.doubts) element("div", "ms-note", body, {}, line);
      table(body, ["phase", "planned", "taken"], view.times);
      for (const line of view.asked) element("div", "ms-note", body, {}, line);
      element("p", "", body, {}, "After the change:");
      for (const line of view.changed) element("div", "ms-note", body, {}, line);
      element("p", "", body, {}, view.saved);
      button(body, "Another interview", () => send({ do: "another" }, "first"));
    }

    function show(message) {
      status.replaceChildren();
      if (fields.problem) fields.problem.replaceChildren();
      if (message.view === "unclear") {
        if (fields.result && focus === "design") {
          fields.result.classList.add("ms-stale");
          fields.result.firstChild.textContent = "The last one that could be run";
        }
        for (const one of card.querySelectorAll("button:disabled")) one.disabled = false;
        return void element("div", "ms-warn", focus === "design" && fields.problem ? fields.problem : status, {}, message.text);
      }
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
