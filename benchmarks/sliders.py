"""How long from a key press on a slider to a changed chart, and where that time goes; the goal is 100 ms.

One chapter at a time, in JupyterLab and headless Chromium as a reader has them, on a machine that does nothing else.
The page notes four moments: the key, the message that leaves for the kernel, the answer that comes, the first frame in
which the chart is another one.

    python -m benchmarks.sliders 05 07        two chapters; without numbers: all

It measures the explorers of a chapter only; the cells that they do not need are left out.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from benchmarks import report
from minisys.testbed.browser import chromium

ROOT = Path(__file__).resolve().parents[1]
GOAL_MS, PRESSES, SLIDERS = 100, 6, 2
WORST = ("02", "05", "07", "10", "13", "14")  # the slowest ones; all would take a quarter of an hour
EXPLORER = re.compile(r"\w*(explorer|what_if|election_film)\(")
NOTE = f"""Milliseconds from key press to the first frame with a changed chart, JupyterLab and headless Chromium, one \
chapter open; {PRESSES} presses on each of the first {SLIDERS} sliders of every explorer, the first press \
included. Of the median press: key to message, message to answer (function, chart, JSON, both ways), answer to frame. \
The goal is {GOAL_MS} ms at p95."""
SERVE = """import sys, pathlib
from minisys import lab_server
sys.exit(lab_server.run(root=pathlib.Path(sys.argv[1]), port=8990, browser=False))"""
NOTED = """(() => {
    const text = data => typeof data === 'string' ? data : new TextDecoder().decode(data);
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if (!this.noted) {
            this.noted = true;
            this.addEventListener('message', ({data}) => {  // capture: before JupyterLab looks at it
                const now = performance.now();
                if (window.press && !window.press.came && text(data).includes('"stamp"')) window.press.came = now;
            }, {capture: true});
        }
        if (window.press && !window.press.sent && text(data).includes('"update"')) {
            window.press.sent = performance.now();
        }
        return send.call(this, data);
    };
})()"""
WATCH = """handle => {
    const scene = handle.closest('.ms-explorer').querySelector('.ms-scene');
    const picture = () => scene.querySelector('svg')?.innerHTML, before = picture();
    window.done = null;
    window.addEventListener('keydown', () => {
        const press = window.press = {key: performance.now()};
        const look = () => {
            const now = performance.now();
            if (picture() !== before) window.done = [press.sent - press.key, press.came - press.sent, now - press.came];
            else if (now - press.key > 5000) window.done = [];
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    }, {once: true, capture: true});
}"""
IDLE = """() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'
    && ![...document.querySelectorAll('.jp-InputPrompt')].some(prompt => prompt.textContent.includes('*'))"""
Press = tuple[float, float, float]


def keep_only(path: Path, shown: Callable[[list[dict]], list[bool]]) -> int:
    """Empty the code cells of *path* that neither are *shown* nor make what such a cell uses; how many are shown.

    Stored outputs stay until a cell is run, so that a page that has just been opened shows them.
    """
    notebook = json.loads(path.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shows, wanted = shown(cells), set[str]()
    for cell, shows_it in zip(reversed(cells), reversed(shows), strict=True):
        tree = ast.parse("".join(cell["source"]))
        if shows_it or made(tree) & wanted:
            wanted |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        else:
            cell["source"] = ["# left out here: nbval runs it"]
    path.write_text(json.dumps(notebook), "utf-8")
    return sum(shows)


def explorers(cells: list[dict]) -> list[bool]:
    """Which of the code *cells* end with an explorer."""
    trees = [ast.parse("".join(cell["source"])) for cell in cells]
    last = [ast.unparse(tree.body[-1]) if tree.body else "" for tree in trees]
    return [bool(EXPLORER.match(text.rpartition("(")[0].split("(")[0].rpartition(".")[2] + "(")) for text in last]


def made(tree: ast.AST) -> set[str]:
    """The names that a cell imports, defines or assigns to."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
    return names


@contextmanager
def lab(root: Path) -> Iterator[tuple[str, Page]]:
    """JupyterLab over *root*: its address, and a page of a browser."""
    command = [sys.executable, "-c", SERVE, str(root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
            with sync_playwright() as playwright:
                flags = ["--disable-gpu"] + ([] if os.geteuid() else ["--no-sandbox"])
                browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(NOTED)
                yield url, page
                browser.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def chapter(url: str, page: Page, name: str, say: Callable[[str], None]) -> list[Press]:
    """Run the chapter *name* and press its sliders; three parts in milliseconds for each press that changed a chart."""
    page.goto(url.replace("/lab/tree/notebooks/00_welcome.ipynb", f"/lab/workspaces/bench/tree/notebooks/{name}"))
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(IDLE, timeout=60_000)
    page.wait_for_timeout(2500)  # run earlier, JupyterLab may ask which kernel to take
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
    page.wait_for_timeout(1500)
    page.wait_for_function(IDLE, timeout=180_000, polling=250)
    presses: list[Press] = []
    for explorer in page.locator(".ms-explorer").all():
        explorer.scroll_into_view_if_needed()
        explorer.locator(".ms-scene svg").first.wait_for(timeout=10_000)
        page.wait_for_timeout(1000)
        found: list[Press] = []
        for handle in explorer.locator(".noUi-handle").all()[:SLIDERS]:
            found += filter(None, (_press(page, handle, ("ArrowRight", "ArrowLeft")[i % 2]) for i in range(PRESSES)))
        title = explorer.locator(".ms-title").inner_text()
        say(f"{name[:2]} {title}: {' '.join('+'.join(f'{ms:.0f}' for ms in press) for press in found)}")
        presses += found
    return presses


def _press(page: Page, handle: Locator, key: str) -> Press | None:
    handle.scroll_into_view_if_needed()
    handle.evaluate(WATCH)
    handle.focus()
    page.keyboard.press(key)
    page.wait_for_function("() => window.done !== null", timeout=10_000)
    page.wait_for_timeout(150)
    done = page.evaluate("() => window.done")
    return (done[0], done[1], done[2]) if done else None


def row(name: str, presses: list[Press]) -> tuple[str, ...]:
    """A row of the table: chapter, presses, median, p95, the parts of a median press, and whether the goal is met."""
    whole = [sum(press) for press in presses]
    p95 = statistics.quantiles(whole, n=20)[-1]
    parts = " + ".join(f"{statistics.median(part):.0f}" for part in zip(*presses, strict=True))
    verdict = "met" if p95 < GOAL_MS else "**missed**"
    return name[:2], str(len(presses)), f"{statistics.median(whole):.0f}", f"{p95:.0f}", parts, verdict


def section(chapters: Sequence[str], say: Callable[[str], None]) -> report.Section:
    """Measure *chapters* ("05"; none: all), one after the other, each in its own JupyterLab."""
    rows = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if chapters and path.name[:2] not in chapters:
            continue
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "notebooks" / path.name
            copy.parent.mkdir()
            shutil.copy(path, copy)
            if keep_only(copy, explorers):
                with lab(Path(folder)) as (url, page):
                    rows.append(row(path.name, chapter(url, page, path.name, say)))
    return report.Section(
        "Sliders", NOTE, ["chapter", "presses", "median (ms)", "p95 (ms)", "its parts (ms)", "goal"], rows
    )


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sliders", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("chapters", nargs="*", help="the numbers of the chapters, as 05 (default: all)")
    options, console = parser.parse_args(), report.console()
    made = section(options.chapters, lambda text: console.print(f"[dim]{text}[/]", highlight=False))
    made.show(console)
    print(f"{report.machine()}\n\n{made.markdown()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
