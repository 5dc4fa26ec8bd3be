// The chart of an explorer in the page. Vega comes from the kernel, once for the whole page, never from the network.
// Until it has come, and in a page without a kernel, the stored picture (a PNG) stands in its place.

function vega(model) {
  const home = globalThis;
  if (home.__minisysVega) return home.__minisysVega;
  home.__minisysVega = new Promise((resolve) => {
    const got = async (message, buffers) => {
      if (message.kind !== "vega") return;
      model.off("msg:custom", got);
      const url = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      resolve(await import(url));
      URL.revokeObjectURL(url);
    };
    model.on("msg:custom", got);
    model.send({ ask: "vega" });
    setTimeout(() => { home.__minisysVegaLate = true; }, 8000);
  });
  return home.__minisysVega;
}

// A title that says the values ("second 10") is a signal, so that a new one needs no new view. What only a screen reader
// would find inside a layer is said by the whole chart's label.
function titled(structure) {
  const spec = JSON.parse(structure), title = spec.title;
  for (const layer of spec.layer ?? []) delete layer.description;
  if (typeof title !== "string") return { spec, title: null, shape: JSON.stringify(spec) };
  spec.title = { text: { expr: "ms_title" } };
  const shape = JSON.stringify(spec);
  spec.params = [...(spec.params ?? []), { name: "ms_title", value: title }];
  return { spec, title, shape };
}

export default {
  render({ model, el }) {
    el.classList.add("ms-scene");
    const paper = element("div", "ms-paper", el);
    const error = element("div", "ms-scene-error", el, { role: "alert" });
    const caption = element("p", "ms-caption", el, { "aria-live": "polite", role: "status" });
    let view = null, shape = null, drawn = 0, pressed = 0, gone = false, queue = Promise.resolve();

    const still = model.get("still");
    if (still) {
      const image = element("img", "", paper, { alt: model.get("alt"), style: "max-width:100%" });
      image.onload = () => { image.width = image.naturalWidth / 2; };                     // drawn twice as fine as shown
      image.src = still;
    }

    const key = () => { pressed = pressed || performance.now(); };
    const around = () => el.closest(".jp-OutputArea-output") || el.parentElement || el;
    let listened = null;

    // ipywidgets draws the controls; their names, and who gets the arrow keys, it leaves to us.
    function controls() {
      for (const control of el.closest(".ms-explorer")?.querySelectorAll(".jupyter-widgets.widget-inline-hbox") ?? []) {
        const said = control.querySelector(".widget-label")?.textContent, field = control.querySelector("select, .noUi-handle");
        if (!said || !field) continue;
        field.setAttribute("aria-label", said);
        field.setAttribute("data-lm-suppress-shortcuts", "true");
        const readout = control.querySelector(".widget-readout");
        if (readout) field.setAttribute("aria-valuetext", readout.textContent);
      }
    }

    function words() {
      const problem = model.get("error");
      error.replaceChildren();
      if (problem) element("div", "ms-bad", error).textContent = problem;
      paper.classList.toggle("ms-stale", Boolean(problem));
      caption.textContent = model.get("caption");
    }

    async function draw() {
      const stamp = model.get("stamp");
      if (gone || stamp <= drawn || !model.get("structure")) return;
      const library = await vega(model);
      if (gone || model.get("stamp") !== stamp) return;         // a newer result is here already
      const rows = model.get("rows"), wanted = titled(model.get("structure"));
      if (view && shape === wanted.shape) {
        for (const [name, values] of Object.entries(rows)) view.data(name, values);
        if (wanted.title !== null) view.signal("ms_title", wanted.title);
        await view.runAsync();
      } else {
        shape = wanted.shape;
        const made = await library.vegaEmbed(paper, { ...wanted.spec, datasets: rows }, { actions: false, renderer: "svg" });
        if (view) view.finalize();
        view = made.view;
      }
      drawn = stamp;
      const svg = paper.querySelector("svg");
      if (svg) { svg.setAttribute("role", "img"); svg.setAttribute("aria-label", model.get("alt")); }
      if (pressed) { model.send({ ms: Math.round(performance.now() - pressed) }); pressed = 0; }
    }

    function update() {
      if (!listened) { listened = around(); listened.addEventListener("keydown", key, true); }
      words();
      controls();
      queue = queue.then(draw).catch((problem) => {
        element("div", "ms-bad", error).textContent = `The chart could not be drawn: ${problem.message || problem}`;
      });
    }

    model.on("change:stamp", update);
    update();
    return () => {
      gone = true;
      model.off("change:stamp", update);
      if (listened) listened.removeEventListener("keydown", key, true);
      if (view) view.finalize();
    };
  },
};
