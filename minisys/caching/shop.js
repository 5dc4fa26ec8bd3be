// Says how long the page took and how much of it came from the edge's copies: the edge's Server-Timing header tells.
addEventListener("load", () => {
  const page = performance.getEntriesByType("navigation")[0];
  const parts = [page, ...performance.getEntriesByType("resource")];
  const told = parts.flatMap((part) => part.serverTiming || []).filter((each) => each.name === "cdn-cache");
  const copies = told.filter((each) => /^(HIT|STALE|REVALIDATED)/.test(each.description)).length;
  const took = (performance.now() / 1000).toFixed(2);
  const edge = told.length ? `${copies} of ${parts.length} parts from the edge's copies` : "no edge";
  document.getElementById("took").textContent = `Complete after ${took} s: ${edge}.`;
});
