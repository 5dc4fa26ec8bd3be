// The running design: asks the control process twice a second what there is, and draws it. No library, no other host.
"use strict";
const EVERY_MS = 500, HELD_MS = 700;
const at = id => document.getElementById(id);
const token = document.querySelector("meta[name=token]").content;
const told = new Map();  // copy -> until when "down" is shown: we killed it, and a repair can be faster than the eye
let drawn = "", newest = -1;

document.body.dataset.jpThemeLight = String(!matchMedia("(prefers-color-scheme: dark)").matches);

function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: {"X-Token": token, "Content-Type": "application/json"}, body: JSON.stringify(body || {})});
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

async function kill(copy) {
  try {
    for (const one of (await post("/kill", {target: copy})).killed) {
      told.set(one, Date.now() + HELD_MS);
      show(one, "down");
    }
  } catch (problem) { at("verdict").textContent = problem.message; }
}

function show(copy, state, more) {
  const row = document.querySelector(`[data-copy="${CSS.escape(copy)}"]`);
  if (!row) return;
  const word = row.querySelector(".state");
  word.className = `state ${state}`;
  if (word.textContent !== state) word.textContent = state;
  if (more !== undefined) row.querySelector(".more").textContent = more;
}

function part(name, kind, copies) {
  const box = make("div", "part"), title = make("h3", "", `${name} `);
  box.dataset.part = name;
  title.append(make("small", "", kind === name ? "" : kind));
  box.append(title);
  for (const one of copies) {
    const row = make("div", "copy"), text = make("span", "", `${one.copy} `), button = make("button", "ms-button ms-quiet", "kill");
    row.dataset.copy = one.copy;
    text.append(make("span", "state"));
    button.type = "button";
    button.setAttribute("aria-label", `kill ${one.copy}`);
    button.addEventListener("click", () => kill(one.copy));
    row.append(text, make("span", "more"), button);
    box.append(row);
  }
  return box;
}

// The column of each part: one to the right of everybody who asks it.
function columns(parts, arrows) {
  const place = Object.fromEntries(parts.map(name => [name, 0]));
  for (const _ of parts)
    for (const [from, to] of arrows)
      if (from in place && to in place) place[to] = Math.min(parts.length, Math.max(place[to], place[from] + 1));
  const rising = [...new Set(Object.values(place))].sort((a, b) => a - b);
  return rising.map(number => parts.filter(name => place[name] === number));
}

function draw(shop) {
  const groups = Map.groupBy ? Map.groupBy(shop.copies, one => one.part) : shop.copies.reduce(
    (all, one) => all.set(one.part, [...(all.get(one.part) || []), one]), new Map());
  const ends = new Set(shop.arrows.flat()), focused = document.activeElement?.getAttribute("aria-label");
  const box = name => part(name, groups.get(name)[0].kind, groups.get(name));
  const names = [...groups.keys()];
  at("columns").replaceChildren(...columns(names.filter(name => ends.has(name)), shop.arrows).map(column => {
    const made = make("div", "column");
    made.append(...column.map(box));
    return made;
  }));
  at("beside").replaceChildren(...names.filter(name => !ends.has(name)).map(box));
  if (focused) document.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

function lines(arrows) {
  const svg = at("arrows"), from = svg.getBoundingClientRect();
  svg.querySelectorAll(":scope > path").forEach(old => old.remove());
  for (const [one, other] of arrows) {
    const [a, b] = [one, other].map(name => document.querySelector(`.part[data-part="${CSS.escape(name)}"]`)?.getBoundingClientRect());
    if (!a || !b) continue;
    const x1 = a.right - from.left, y1 = (a.top + a.bottom) / 2 - from.top, x2 = b.left - from.left,
      y2 = (b.top + b.bottom) / 2 - from.top, bend = Math.max(16, (x2 - x1) / 2);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
    path.setAttribute("marker-end", "url(#tip)");
    svg.append(path);
  }
}

function update(shop) {
  const key = shop.copies.map(one => one.copy).join(" ");
  if (key !== drawn) { drawn = key; draw(shop); }
  for (const one of shop.copies) {
    const held = (told.get(one.copy) || 0) > Date.now();
    const again = one.restarts ? `, restarted ${one.restarts}×` : "";
    show(one.copy, held ? "down" : one.state, `${shop.roles[one.copy] || ""} ${one.zone} pid ${one.pid}${again}`.trim());
  }
  lines(shop.arrows);
  at("name").textContent = `${shop.name}, running`;
  document.title = `${shop.name}, running`;
  at("users").textContent = at("users").href = `${shop.url}/item/0`;
  at("rates").textContent = shop.rates
    ? `${shop.rates.per_s.toFixed(1)} requests a second, ${(100 * shop.rates.failed).toFixed(1)} % of them failed; ` +
      `${shop.copies.filter(one => one.state === "up").length} of ${shop.copies.length} processes up`
    : "The metrics are down; the shop may well be up.";
  for (const [when, text] of shop.events.filter(([when]) => when > newest)) {
    at("log").prepend(make("li", "", `${when.toFixed(1)} s  ${text}`));
    newest = when;
  }
}

async function follow() {
  try {
    update(await (await fetch("/topology")).json());
  } catch { at("rates").textContent = "Nobody answers: the shop is down, or was ended with minisys down."; }
  setTimeout(follow, EVERY_MS);
}

at("audit").addEventListener("click", async () => {
  at("verdict").className = "";
  at("verdict").textContent = "Counting …";
  try {
    const found = await post("/audit");
    at("verdict").className = found.clean ? "good" : "bad";
    at("verdict").textContent = found.sentence;
  } catch (problem) { at("verdict").textContent = problem.message; }
});
follow();
