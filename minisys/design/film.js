// Plays a run on the picture of its design (see film.py). Where a dot is, is a function of the film's time alone.

const BAD = "#D55E00", STRIP = 74;

function on(way, k) {                                    // the point at share k of a way
  const at = clamp(k, 0, 1) * (way.length - 1), i = Math.min(way.length - 2, Math.floor(at)), f = at - i;
  return [way[i][0] + f * (way[i + 1][0] - way[i][0]), way[i][1] + f * (way[i + 1][1] - way[i][1])];
}

// Of a span: its way there and back takes at most a quarter of it each; in between it waits and is served.
function spot(span, t) {
  const [, , begin, , began, , end] = span, hop = (end - begin) / 4;
  if (t < begin + hop) return { what: "there", k: (t - begin) / hop };
  if (t >= end - hop) return { what: "back", k: (end - t) / hop };
  return { what: t < Math.max(began, begin + hop) ? "waits" : "served", k: 0 };
}

function active(film, t) {                               // the innermost spans: a caller that waits is where its call is
  const now = film.spans.map((span, i) => [span, i]).filter(([span]) => span[2] <= t && t < span[6]);
  const asks = new Set();
  for (const [span] of now) if (span[0] >= 0) asks.add(`${span[8]}/${film.origin[span[0]]}`);
  return now.filter(([span]) => !asks.has(`${span[8]}/${span[1]}`));
}

function at(series, times, t) {
  let i = 0;
  while (i + 1 < times.length && times[i + 1] <= t) i++;
  return series[i] ?? 0;
}

function endings(film, t) {
  const counts = film.outcomes.map(() => 0);
  for (const span of film.roots) if (span[6] <= t) counts[span[7]]++;
  return counts;
}

function faults(film, t) { return film.events.filter(([from, to]) => from <= t && t < to); }

function sentence(film, t) {
  const waits = Object.entries(film.waiting.parts).map(([name, n]) => [name, at(n, film.waiting.t, t)]).filter(([, n]) => n > 0);
  const broken = faults(film, t).map(([, , words]) => words).join(", ") || "nothing";
  const counts = endings(film, t).map((n, i) => n && `${n} ${film.outcomes[i].name}`).filter(Boolean).join(", ") || "none yet";
  const row = film.rates.findLast(([from]) => from <= t) || [0, 0, 0];
  return `At ${t.toFixed(1)} s: ${Math.round(row[1])} answered well and ${Math.round(row[2])} not, per second; waiting: ` +
    `${waits.map(([name, n]) => `${name} ${n}`).join(", ") || "nobody"}; broken: ${broken}. Sampled requests ended: ${counts}.`;
}

function dots(g, film, t) {
  const held = {};
  for (const [span] of active(film, t)) {
    const where = spot(span, t), way = film.ways[span[0]], box = film.boxes[span[1]], look = film.outcomes[span[7]];
    if (where.what === "waits" || where.what === "served" || !way) {
      if (span[0] >= 0) (held[span[1]] ??= { waits: 0, served: 0 })[where.what === "waits" ? "waits" : "served"]++;
      if (!box || span[0] < 0) continue;
      const n = held[span[1]][where.what === "waits" ? "waits" : "served"] - 1, waits = where.what === "waits";
      const x = waits ? box[0] - 8 - 9 * Math.floor(n / 6) : box[0] + box[2] - 12 - 9 * (n % 6), y = waits ? box[1] + 8 + 9 * (n % 6) : box[1] + 16 + 9 * Math.floor(n / 6);  // above the zones' tags
      shape(g, "ok", x, y, 3.6); g.fillStyle = waits ? "#ffffff" : film.flight; g.fill(); g.strokeStyle = film.flight; g.lineWidth = 1.6; g.stroke();
      continue;
    }
    const [x, y] = on(way, where.k), back = where.what === "back";
    mark(g, back ? look : { name: "ok", colour: film.flight, edge: film.flight }, x + (back ? 5 : -5), y, back && look.name !== "ok" ? 5 : 4);
  }
}

function queues(g, film, t) {
  for (const [name, series] of Object.entries(film.waiting.parts)) {
    const n = at(series, film.waiting.t, t), box = film.boxes[name];
    if (!n || !box) continue;
    const text = `${n.toLocaleString("en")} waiting`; g.font = `600 11px ${FONT}`;
    const wide = g.measureText(text).width + 12, x = box[0] + box[2] - wide - 4, y = box[1] - 9;
    g.beginPath(); g.roundRect(x, y, wide, 18, 9); g.fillStyle = "#FDF4E0"; g.fill(); g.strokeStyle = "#7A5200"; g.lineWidth = 1; g.stroke();
    word(g, text, x + wide / 2, y + 9.5, { size: 11, weight: 600, align: "center" });
  }
}

function strip(g, film, t) {
  const x0 = 16, x1 = film.width - 16, y1 = film.height + STRIP - 10, high = 38, top = Math.max(1e-9, ...film.rates.map(([, a, b]) => a + b));
  const wide = (x1 - x0) / Math.max(1, film.rates.length), X = (s) => x0 + (x1 - x0) * s / film.end;
  word(g, "requests sent per second, by how they ended:", x0, y1 - high - 14, { size: 11, colour: MUTED });
  word(g, "● well", x0 + 240, y1 - high - 14, { size: 11, colour: "#00604A" }); word(g, "✕ not", x0 + 290, y1 - high - 14, { size: 11, colour: BAD });
  word(g, `at most ${Math.round(top).toLocaleString("en")}/s`, x1, y1 - high - 14, { size: 11, colour: MUTED, align: "right" });
  film.rates.forEach(([from, well, bad], i) => {
    const pale = from > t ? .35 : 1, a = high * well / top, b = high * bad / top;
    g.globalAlpha = pale; g.fillStyle = "#009E73"; g.fillRect(x0 + i * wide, y1 - a, Math.max(.8, wide - .4), a);
    g.fillStyle = BAD; g.fillRect(x0 + i * wide, y1 - a - b, Math.max(.8, wide - .4), b);
  });
  g.globalAlpha = 1;
  for (const [from, to] of film.events) { g.fillStyle = "rgba(204,121,167,.25)"; g.fillRect(X(from), y1 - high - 4, Math.max(2, X(to) - X(from)), high + 4); }
  g.strokeStyle = INK; g.lineWidth = 1.6; g.beginPath(); g.moveTo(X(t), y1 - high - 4); g.lineTo(X(t), y1 + 4); g.stroke();
}

// A fault's target is a part, one of its copies ("app/1"), a zone or a region: mark it in the picture.
function broken(film, drawing, t) {
  for (const old of drawing.querySelectorAll(".ms-broken")) { old.classList.remove("ms-broken"); old.style.opacity = ""; old.style.outline = ""; }
  for (const [, , , target] of faults(film, t)) {
    const name = target.split("/")[0];
    for (const hit of drawing.querySelectorAll("[data-part], [data-zone], [data-region]"))
      if ([hit.dataset.part, hit.dataset.zone, hit.dataset.region].includes(name)) { hit.classList.add("ms-broken"); hit.style.opacity = hit.dataset.region ? ".6" : ".3"; }
  }
}

function banner(g, film, t) {
  const text = faults(film, t).map(([, , words]) => words).join(" · ");
  if (text) word(g, `⚡ ${text}`, 14, 9, { size: 12, weight: 700, colour: BAD });
  let x = film.width - 14;
  endings(film, t).map((n, i) => [film.outcomes[i], n]).filter(([, n], i) => i === 0 || n).reverse().forEach(([look, n]) => {
    const said = `${n} ${look.name}`; word(g, said, x, 9, { size: 11, weight: 600, align: "right" });
    x -= g.measureText(said).width + 12; mark(g, look, x, 9, 4.5, 1.4); x -= 16;
  });
}

export default {
  render({ model, el }) {
    const film = { begin: 0, ...model.get("data") }, drawing = element("div", "", null, { "aria-hidden": "true" });
    film.origin = film.from; film.roots = film.spans.filter((span) => span[0] < 0);
    drawing.innerHTML = film.svg; Object.assign(drawing.firstChild.style, { display: "block", width: "100%", height: "auto" });
    const { root, stage, canvas, close } = player(el, film, {
      name: `${film.title}, played`, size: [film.width, film.height + STRIP], under: drawing,
      paint: (g, t) => { broken(film, drawing, t); dots(g, film, t); queues(g, film, t); banner(g, film, t); strip(g, film, t); },
      sentence: (t) => sentence(film, t), moment: (t) => `${t.toFixed(1)} s`, step: (t, way) => t + way * film.end / 60,
    });
    root.classList.add("ms-design-film");
    Object.assign(stage.querySelector(".ms-start").style, { left: "16px", top: "auto", bottom: `${100 * (STRIP + 12) / (film.height + STRIP)}%` });  // where a box is least likely
    stage.style.maxWidth = `${80 * film.width / (film.height + STRIP)}vh`;  // all of it on one screen
    Object.assign(canvas.style, { position: "absolute", left: 0, top: 0 });
    element("p", "ms-caption", root, {}, `Each dot is one of ${film.sampled} sampled requests of ${film.requests.toLocaleString("en")}; its journey is shown slower than it was.`);
    return close;
  },
};
