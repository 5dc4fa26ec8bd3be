// Draws a Film (see playback.py). Every request has six moments; how many of them have passed says where it is.
// Nothing is simulated here: position, queue and colour are functions of the film's time alone, so seeking is exact.

const W = 820, H = 440, MID = 196, CLIENTS = 6;
const PAPER = "#ffffff", LINE = "#dde1e8", SOFT = "#f5f7fa";
const ease = (x) => x * x * (3 - 2 * x);

function place(moments, t) {
  let n = 0;
  while (n < 6 && moments[n] <= t) n++;
  return n;
}

// Where things stand, in the drawing's own pixels.
function layout(film) {
  const n = film.names.length, top = 58, bottom = 350, gap = n > 6 ? 5 : 12;
  const height = Math.min(86, (bottom - top - gap * (n - 1)) / n), all = n * height + gap * (n - 1);
  const first = top + (bottom - top - all) / 2;
  const servers = film.names.map((name, i) => ({ name, x: 648, y: first + i * (height + gap), w: 150, h: height }));
  const rows = Math.max(1, Math.min(film.workers, Math.floor((height - 26) / 15))), columns = Math.ceil(film.workers / rows);
  const clients = Array.from({ length: CLIENTS }, (_, i) => ({ x: 58, y: 84 + i * (262 - 24) / (CLIENTS - 1) }));
  return { servers, clients, rows, columns, balancer: { x: 262, y: MID, r: 37 }, dot: n > 7 ? 3.6 : 4.6 };
}

function queueSpot(place, i, dot) {
  const rows = Math.max(1, Math.floor((place.h - 4) / (dot * 2 + 3))), column = Math.floor(i / rows), step = dot * 2 + 3;
  const inColumn = i % rows, top = place.y + place.h / 2 - (Math.min(rows, 99) - 1) * step / 2;
  return { x: place.x - 16 - column * step, y: top + inColumn * step, hidden: place.x - 16 - column * step < 372 };
}

function workerSpot(place, i, lay) {
  const gap = Math.min(18, (place.w - 56) / lay.columns), across = i % lay.columns, down = Math.floor(i / lay.columns);
  return { x: place.x + 5 + (place.w - 50) / 2 + (across - (lay.columns - 1) / 2) * gap, y: place.y + place.h / 2 + (down - (lay.rows - 1) / 2) * 15 };
}

function along(a, b, bend, k) {                        // a quadratic curve from a to b
  const c = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 + bend }, m = 1 - k;
  return { x: m * m * a.x + 2 * m * k * c.x + k * k * b.x, y: m * m * a.y + 2 * m * k * c.y + k * k * b.y };
}

function box(g, x, y, w, h, r, fill, stroke) {
  g.beginPath(); g.roundRect(x, y, w, h, r);
  if (fill) { g.fillStyle = fill; g.fill(); }
  if (stroke) { g.strokeStyle = stroke; g.lineWidth = 1.2; g.stroke(); }
}

function states(film, t) {                              // what "kill b" and its kin did to the servers until now
  const found = {};
  for (const [at, text] of film.events) {
    if (at > t) break;
    const [action, name] = text.split(" ");
    if (film.names.includes(name)) found[name] = { kill: "down", pause: "paused", drain: "draining", remove: "removed", slow: "slow" }[action] || "";
  }
  return found;
}

function count(film, t) {
  const servers = film.names.map(() => ({ waiting: [], serving: [], done: 0 })), ended = film.outcomes.map(() => 0);
  const moving = [];
  film.moments.forEach((m, i) => {
    const p = place(m, t), s = film.server[i];
    if (p === 3 && s >= 0) servers[s].waiting.push(i);
    else if (p === 4 && s >= 0) servers[s].serving.push(i);
    else if (p >= 1 && p <= 5) moving.push([i, p]);
    if (p === 6 && s >= 0 && film.outcome[i] === 0) servers[s].done++;
    if (p === 6) ended[film.outcome[i]]++;
  });
  return { servers, ended, moving };
}

function sentence(film, t) {
  const { servers, ended } = count(film, t), at = Math.max(film.begin, t - 2 * film.hop);
  const held = film.names.map((name, i) => `${name} ${servers[i].waiting.length}`).join(", ");
  const serving = servers.reduce((sum, s) => sum + s.serving.length, 0);
  const back = film.outcomes.map((o, i) => ended[i] && `${ended[i]} ${o.name}`).filter(Boolean).join(", ") || "none yet";
  return `At ${at.toFixed(2)} s: waiting at ${held}; in service ${serving}; answered: ${back}.`;
}

// Workers are slots: a request keeps the first slot that was free when its service began.
function slots(film) {
  const slot = new Array(film.moments.length).fill(0), free = film.names.map(() => []);
  const order = film.moments.map((m, i) => i).filter((i) => film.moments[i][3] < film.moments[i][4]).sort((a, b) => film.moments[a][3] - film.moments[b][3]);
  for (const i of order) {
    const s = film.server[i]; if (s < 0) continue;
    let k = free[s].findIndex((until) => until <= film.moments[i][3] + 1e-12);
    if (k < 0) k = free[s].push(0) - 1;
    free[s][k] = film.moments[i][4]; slot[i] = k;
  }
  return slot;
}

// The place in the queue that each request will take when it arrives: it travels straight to it.
function arrivals(film) {
  return film.moments.map((m, i) => film.moments.reduce((n, other, j) =>
    n + (j < i && film.server[j] === film.server[i] && other[2] <= m[2] && other[3] > m[2]), 0));
}

function paint(g, film, lay, slot, t) {
  g.fillStyle = PAPER; g.fillRect(0, 0, W, H);
  const now = count(film, t), state = states(film, t), b = lay.balancer;
  word(g, film.title, 20, 24, { size: 16, weight: 600 });
  legend(g, film);
  g.lineWidth = 1.2; g.strokeStyle = "#eceff4";
  for (const c of lay.clients) curve(g, c, b, (c.y - b.y) * .25);
  for (const s of lay.servers) curve(g, b, { x: s.x - 8, y: s.y + s.h / 2 }, (s.y + s.h / 2 - b.y) * .3);
  for (const c of lay.clients) person(g, c.x - 18, c.y);
  word(g, "clients", 40, 356, { colour: MUTED, align: "center" });
  lay.servers.forEach((s, i) => server(g, film, lay, s, i, now.servers[i], state[s.name]));
  now.servers.forEach((held, i) => {
    const spots = held.waiting.map((r, k) => [r, queueSpot(lay.servers[i], k, lay.dot)]);
    for (const [r, spot] of spots) if (!spot.hidden) dot(g, film, r, spot.x, spot.y, lay.dot);
    const hidden = spots.filter(([, spot]) => spot.hidden).length;
    if (hidden) word(g, `+${hidden}`, 366, lay.servers[i].y + lay.servers[i].h / 2, { size: 12, weight: 600, align: "right" });
    for (const r of held.serving) {
      const spot = workerSpot(lay.servers[i], slot.worker[r], lay), m = film.moments[r], part = clamp((t - m[3]) / Math.max(m[4] - m[3], 1e-9), 0, 1);
      dot(g, film, r, spot.x, spot.y, lay.dot);
      g.beginPath(); g.arc(spot.x, spot.y, lay.dot + 2, -Math.PI / 2, -Math.PI / 2 + part * 2 * Math.PI);
      g.strokeStyle = film.flight; g.lineWidth = 1.5; g.stroke();
    }
  });
  for (const [r, p] of now.moving) traveller(g, film, lay, slot, r, p, t);
  hub(g, film, b);
  tally(g, film, now.ended);
  strip(g, film, t);
}

function curve(g, a, b, bend) {
  g.beginPath(); g.moveTo(a.x, a.y); g.quadraticCurveTo((a.x + b.x) / 2, (a.y + b.y) / 2 + bend, b.x, b.y); g.stroke();
}

function person(g, x, y) {
  g.fillStyle = "#b8bfcc";
  g.beginPath(); g.arc(x, y - 6, 5.2, 0, 7); g.fill();
  g.beginPath(); g.arc(x, y + 10, 9.5, Math.PI, 0); g.fill();
}

function hub(g, film, b) {
  g.save(); g.shadowColor = "rgba(20,30,50,.16)"; g.shadowBlur = 12; g.shadowOffsetY = 2;
  g.beginPath(); for (let i = 0; i < 6; i++) g.lineTo(b.x + b.r * Math.cos(Math.PI / 3 * i), b.y + b.r * Math.sin(Math.PI / 3 * i));
  g.closePath(); g.fillStyle = INK; g.fill(); g.restore();
  g.strokeStyle = "#fff"; g.lineWidth = 2.2; g.lineCap = "round"; g.lineJoin = "round";
  for (const dy of [-11, 0, 11]) { g.beginPath(); g.moveTo(b.x - 13, b.y); g.lineTo(b.x - 3, b.y); g.lineTo(b.x + 12, b.y + dy); g.stroke(); }
  word(g, film.balancer, b.x, b.y + b.r + 17, { weight: 600, align: "center" });
}

function server(g, film, lay, s, i, held, state) {
  const off = state === "down" || state === "removed";
  g.save(); if (!off) { g.shadowColor = "rgba(20,30,50,.10)"; g.shadowBlur = 8; g.shadowOffsetY = 1; }
  box(g, s.x, s.y, s.w, s.h, 8, off ? "#fcefe6" : SOFT, off ? "#b04300" : LINE); g.restore();
  g.save(); g.beginPath(); g.roundRect(s.x, s.y, s.w, s.h, 8); g.clip(); g.fillStyle = film.colours[i]; g.fillRect(s.x, s.y, 5, s.h); g.restore();
  for (let k = 0; k < film.workers && !off; k++) {
    const spot = workerSpot(s, k, lay); g.beginPath(); g.arc(spot.x, spot.y, lay.dot + .5, 0, 7); g.fillStyle = "#e3e7ee"; g.fill();
  }
  const right = s.x + s.w - 10, small = s.h < 44;
  word(g, s.name, right, s.y + (small ? s.h / 2 : 16), { size: 14, weight: 700, align: "right" });
  if (!small) word(g, state ? (off ? "✕ " : "") + state : `${held.done} ok`, right, s.y + s.h - 14, { size: 11, align: "right", weight: state ? 700 : 400, colour: off ? "#b04300" : MUTED });
  if (off) { g.strokeStyle = "#b04300"; g.lineWidth = 3; const x = s.x + 5 + (s.w - 50) / 2, y = s.y + s.h / 2, a = Math.min(13, s.h / 3); g.beginPath(); g.moveTo(x - a, y - a); g.lineTo(x + a, y + a); g.moveTo(x + a, y - a); g.lineTo(x - a, y + a); g.stroke(); }
}

function dot(g, film, r, x, y, radius) {
  g.beginPath(); g.arc(x, y, radius, 0, 7); g.fillStyle = film.flight; g.fill();
  if (film.attempts[r] > 1) { g.beginPath(); g.arc(x, y, radius + 1.6, 0, 7); g.strokeStyle = INK; g.lineWidth = 1.2; g.stroke(); }
}

function traveller(g, film, lay, slot, r, p, t) {
  const m = film.moments[r], s = film.server[r], b = lay.balancer, client = lay.clients[r % CLIENTS];
  const target = s >= 0 ? lay.servers[s] : null, door = target ? { x: target.x - 10, y: target.y + target.h / 2 } : b;
  const bendIn = (client.y - b.y) * .25, bendOut = (door.y - b.y) * .3;
  if (p <= 2) {
    const k = ease(clamp((t - m[p - 1]) / film.hop, 0, 1)), tail = target && queueSpot(target, slot.arrival[r], lay.dot);
    const goal = tail ? { x: Math.max(372, tail.x), y: tail.y } : b;
    const at = (q) => (p === 1 ? along(client, b, bendIn, q) : along(b, goal, bendOut, q)), spot = at(k);
    g.beginPath(); g.moveTo(spot.x, spot.y);
    for (const back of [.03, .06, .09, .12]) { const s = at(Math.max(0, k - back)); g.lineTo(s.x, s.y); }
    g.strokeStyle = "rgba(0,114,178,.28)"; g.lineWidth = lay.dot * 1.1; g.lineCap = "round"; g.stroke(); g.lineCap = "butt";
    dot(g, film, r, spot.x, spot.y, lay.dot); return;
  }
  if (p !== 5) { dot(g, film, r, b.x, b.y, lay.dot); return; }                    // held by the balancer itself
  const k = clamp((t - m[4]) / film.hop, 0, 2), look = film.outcomes[film.outcome[r]];
  const spot = k < 1 ? along(door, b, bendOut + 14, ease(k)) : along(b, client, bendIn + 14, ease(k - 1));
  mark(g, look, spot.x, spot.y, look.name === "ok" ? lay.dot * .8 : lay.dot * 1.25);
}

function legend(g, film) {
  const ok = film.outcomes[0];
  g.beginPath(); g.arc(25, 47, 4.6, 0, 7); g.fillStyle = film.flight; g.fill(); word(g, "request", 35, 47, { size: 11, colour: MUTED });
  mark(g, ok, 92, 47, 3.8);
  word(g, "its answer", 102, 47, { size: 11, colour: MUTED });
}

function tally(g, film, counts) {
  let x = W - 22;
  film.outcomes.map((look, i) => [look, counts[i]]).filter(([look, n], i) => i === 0 || n || film.outcome.includes(i)).reverse().forEach(([look, n]) => {
    const text = `${n} ${look.name}`; g.font = `600 13px ${FONT}`; const wide = g.measureText(text).width;
    word(g, text, x, 24, { size: 13, weight: 600, align: "right" });
    mark(g, look, x - wide - 10, 24, 5.2);
    x -= wide + 38;
  });
}

function strip(g, film, t) {
  const x0 = 20, x1 = W - 22, y1 = 426, high = 40, top = Math.max(1, film.most, ...film.held), X = (at) => x0 + (x1 - x0) * (at - film.begin) / (film.end - film.begin);
  const Y = (n) => y1 - high * n / top, last = film.held.length - 1;
  const area = () => { g.beginPath(); g.moveTo(x0, y1); film.held.forEach((n, i) => g.lineTo(x0 + (x1 - x0) * i / last, Y(n))); g.lineTo(x1, y1); g.closePath(); };
  word(g, `requests at the servers (most ${Math.max(...film.held)})`, x0, y1 - high - 12, { size: 11, colour: MUTED });
  area(); g.fillStyle = "#e3e7ee"; g.fill(); g.save(); g.beginPath(); g.rect(x0, 0, X(t) - x0, H); g.clip(); area(); g.fillStyle = "#8fbfdd"; g.fill(); g.restore();
  for (const [at, text] of film.events) {
    g.setLineDash([3, 3]); g.strokeStyle = INK; g.lineWidth = 1; g.beginPath(); g.moveTo(X(at), y1 - high - 4); g.lineTo(X(at), y1); g.stroke(); g.setLineDash([]);
    word(g, text, clamp(X(at), 250, W - 60), y1 - high - 12, { size: 11, weight: at <= t ? 700 : 400, align: "center" });
  }
  g.strokeStyle = INK; g.lineWidth = 1.6; g.beginPath(); g.moveTo(X(t), y1 - high - 2); g.lineTo(X(t), y1 + 4); g.stroke();
}

export default {
  render({ model, el }) {
    const film = model.get("data"), lay = layout(film), slot = { worker: slots(film), arrival: arrivals(film) };
    const moments = [...new Set(film.moments.flatMap((m) => [m[2], m[3], m[4]]))].filter((x) => x < film.end).sort((a, b) => a - b);
    return player(el, film, {
      name: film.title, size: [W, H], widest: W,
      paint: (g, t) => paint(g, film, lay, slot, t),
      sentence: (t) => sentence(film, t),
      moment: (t) => `${Math.max(film.begin, t - 2 * film.hop).toFixed(2)} s`,
      step: (t, way) => (way > 0 ? moments.find((x) => x > t + 1e-9) ?? film.end : moments.findLast((x) => x < t - 1e-9) ?? film.begin),
    }).close;
  },
};
