// A film on a canvas, with buttons, keys, a clock and words. What is painted is a function of the film's time alone.
const FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";
const INK = "#1d2433", MUTED = "#5b6472";
const clamp = (x, a, b) => Math.max(a, Math.min(b, x));

function shape(g, kind, x, y, r) {
  g.beginPath();
  if (kind === "refused") g.rect(x - r * .9, y - r * .9, r * 1.8, r * 1.8);
  else if (kind === "failed") { const a = r * 1.15, b = r * .42; for (const [i, [p, q]] of [[-b, -a], [b, -a], [b, -b], [a, -b], [a, b], [b, b], [b, a], [-b, a], [-b, b], [-a, b], [-a, -b], [-b, -b]].entries()) (i ? g.lineTo(x + p, y + q) : g.moveTo(x + p, y + q)); g.closePath(); }
  else if (kind === "timeout") { g.moveTo(x, y - r * 1.2); g.lineTo(x + r * 1.1, y + r * .8); g.lineTo(x - r * 1.1, y + r * .8); g.closePath(); }
  else if (kind === "unfinished") { g.moveTo(x, y - r * 1.2); g.lineTo(x + r * 1.2, y); g.lineTo(x, y + r * 1.2); g.lineTo(x - r * 1.2, y); g.closePath(); }
  else g.arc(x, y, r, 0, 7);
}

function mark(g, look, x, y, r, line = 1) {              // how a request ended, in its colour and shape
  shape(g, look.name, x, y, r); g.fillStyle = look.colour; g.fill(); g.strokeStyle = look.edge; g.lineWidth = line; g.stroke();
}

function word(g, text, x, y, { size = 12, weight = 400, colour = INK, align = "left" } = {}) {
  g.font = `${weight} ${size}px ${FONT}`; g.fillStyle = colour; g.textAlign = align; g.textBaseline = "middle"; g.fillText(text, x, y);
}

// film: words (of all of it), begin, end, still (seconds of its time), rate (of its seconds per second of watching).
// name: what screen readers call it. size: the canvas in its own units. widest: in the page's pixels. under: what lies
// below the canvas. paint(g, t), sentence(t), moment(t) (for the clock), step(t, way): the next or last time of interest.
function player(el, film, { name, size: [width, height], widest = Infinity, under, paint, sentence, moment, step }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, length = film.end - film.begin;
  const root = element("div", "ms-playback", el, { "data-lm-suppress-shortcuts": "true", role: "group", "aria-label": name });
  const stage = element("div", "ms-stage", root);
  if (under) stage.appendChild(under);
  const canvas = element("canvas", "", stage, { role: "img", "aria-label": film.words });
  const start = element("button", "ms-start", stage, { type: "button", "aria-label": "Play", tabindex: "-1" }, "▶");
  const bar = element("div", "ms-row ms-controls", root);
  const button = (text, label) => element("button", "ms-button ms-quiet", bar, { type: "button", "aria-label": label, title: label }, text);
  const play = button("▶ Play", "Play or pause (space)"), back = button("‹", "Step back (left arrow)"), next = button("›", "Step forward (right arrow)");
  play.classList.add("ms-play");
  const speed = element("select", "ms-field", bar, { "aria-label": "Speed" });
  for (const x of [.25, .5, 1, 2, 4]) element("option", "", speed, { value: x }, `${x}×`);
  speed.value = "1";
  const seek = element("input", "ms-seek", bar, { type: "range", min: 0, max: 1000, step: 1, "aria-label": "Moment" });
  const clock = element("output", "ms-clock", bar), says = element("p", "ms-caption", root, { "aria-live": "polite" });
  let t = film.still, playing = false, before = 0, frame = 0, fresh = true, seen = true, told = 0;

  function show(now = 0) {
    const ratio = Math.max(1, window.devicePixelRatio || 1), wide = Math.min(widest, stage.clientWidth || width);
    const high = wide * height / width, px = Math.round(wide * ratio), py = Math.round(high * ratio);
    if (canvas.width !== px || canvas.height !== py) { canvas.width = px; canvas.height = py; canvas.style.width = `${wide}px`; stage.style.height = canvas.style.height = `${high}px`; }
    const g = canvas.getContext("2d"); g.setTransform(px / width, 0, 0, px / width, 0, 0); g.clearRect(0, 0, width, height);
    paint(g, t);
    seek.value = Math.round(1000 * (t - film.begin) / length); clock.textContent = moment(t); seek.setAttribute("aria-valuetext", clock.textContent);
    if (!playing || now - told > 400) { says.textContent = sentence(t); told = now; }
  }
  function tick(now) {
    if (!playing) return;
    const passed = Math.min(.1, (now - before) / 1000);
    if (calm) { if (now - before > 700) { t += length / 60 * Number(speed.value); before = now; } }
    else { t += passed * film.rate * Number(speed.value); before = now; }
    if (t >= film.end) { t = film.end; set(false); }
    if (seen) show(now);
    frame = requestAnimationFrame(tick);
  }
  function set(go) {
    if (go && (fresh || t >= film.end)) t = film.begin;
    fresh = false; playing = go; before = performance.now();
    start.hidden = true; play.textContent = go ? "❚❚ Pause" : "▶ Play"; says.setAttribute("aria-live", go ? "off" : "polite");
    cancelAnimationFrame(frame);
    if (go) frame = requestAnimationFrame(tick); else show();
  }
  function go(to) { fresh = false; t = clamp(to, film.begin, film.end); set(false); }
  const turn = () => set(!playing);
  play.onclick = turn; start.onclick = () => { turn(); play.focus(); }; canvas.onclick = turn;
  back.onclick = () => go(step(t, -1)); next.onclick = () => go(step(t, 1));
  seek.oninput = () => go(film.begin + seek.value / 1000 * length);
  root.onkeydown = (event) => {
    const inside = event.target.tagName;
    if (inside === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && inside !== "BUTTON") turn();
    else if (event.key === "ArrowRight" && inside !== "INPUT") go(step(t, 1));
    else if (event.key === "ArrowLeft" && inside !== "INPUT") go(step(t, -1));
    else if (event.key === "Home") go(film.begin);
    else if (event.key === "End") go(film.end);
    else return;
    event.preventDefault(); event.stopPropagation();
  };
  const size = new ResizeObserver(() => show()), sight = new IntersectionObserver((e) => { seen = e[e.length - 1].isIntersecting; if (seen) show(); });
  size.observe(stage); sight.observe(canvas); show();
  const close = () => { playing = false; cancelAnimationFrame(frame); size.disconnect(); sight.disconnect(); };
  return { root, stage, canvas, close };
}
