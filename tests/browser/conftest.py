"""JupyterLab in headless Chromium, as a reader has it before them.

The course is opened by `minisys lab` itself, on a copy of the notebooks (running one saves it), in a window of
1280 x 800. Every request of the page is noted, so that a test can say that none left this machine. In the copy only
chapters 00, 03 and 15 are whole. Of the others the cells run that show a widget, and those that make what they use:
nbval has run the rest, whose stored outputs are looked at as the page opens.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, sync_playwright
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from benchmarks.sliders import IDLE, keep_only
from minisys.testbed.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "ci-artifacts" / "browser"
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SERVE = """import sys, pathlib
from minisys import lab_server
sys.exit(lab_server.run(root=pathlib.Path(sys.argv[1]), port=int(sys.argv[2])))"""
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")
MIME = ".jp-OutputArea-output[data-mime-type$='{}']"
# From a key press to the frame in which the explorer's chart is another one.
WATCH = """handle => {
    const explorer = handle.closest('.ms-explorer'), picture = () => explorer.querySelector('.ms-scene svg')?.innerHTML;
    const before = picture();
    window.changed = null;
    window.addEventListener('keydown', () => {
        const pressed = performance.now();
        const look = () => {
            const passed = performance.now() - pressed;
            if (picture() !== before) window.changed = passed;
            else if (passed > 5000) window.changed = -1;
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    }, {once: true, capture: true});
}"""
GOAL_MS = 100
WIDGET = "widget-view"
BAD_OUTPUT = ", ".join([MIME.format("error"), MIME.format("stderr"), ".ms-scene-error:not(:empty)"])


class ByPage(LoadScopeScheduling):
    """Which tests one worker gets together: those of a module that share a page; each chapter of test_course alone."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "[" in nodeid else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPage:
    return ByPage(config, log)


class Lab:
    """A JupyterLab and a browser before it; `left` are the requests that would have left this machine."""

    def __init__(self, url: str, context: BrowserContext) -> None:
        self.url, self.context, self.left = url, context, set[str]()
        context.on("request", lambda request: request.url.startswith(LOCAL) or self.left.add(request.url[:200]))

    def open(self, path: str) -> Notebook:
        """Open the notebook *path* and wait until its kernel is there."""
        page = self.context.new_page()
        own = f"/lab/workspaces/{Path(path).stem}/tree/{path}"  # a layout of its own, without the tabs of others
        page.goto(self.url.replace("/lab/tree/notebooks/00_welcome.ipynb", own), wait_until="domcontentloaded")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.wait_for_function(IDLE, timeout=60_000)
        page.wait_for_timeout(2500)  # run earlier, JupyterLab may ask which kernel to take
        return Notebook(page, Path(path).stem)


class Notebook:
    """One notebook in the page: run it, look at it, take its picture."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name

    def run_all(self, limit_s: float) -> None:
        """Run every cell by the menu, as a reader does, and wait until all are done."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
        self.page.wait_for_timeout(1500)
        self.page.wait_for_function(IDLE, timeout=1000 * limit_s, polling=250)
        self.page.wait_for_timeout(1500)

    def errors(self) -> list[str]:
        """The text of every output that is an error or a warning."""
        return [output.inner_text()[:300] for output in self.page.query_selector_all(BAD_OUTPUT)]

    def outputs_too_wide(self) -> list[str]:
        """The start of every output that is wider than the window leaves room for."""
        program = """all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(
            e => `${e.scrollWidth} > ${e.clientWidth}: ${e.innerText.slice(0, 80) || e.innerHTML.slice(0, 200)}`)"""
        return self.page.locator(".jp-OutputArea-output").evaluate_all(program)

    def picture(self, what: str, of: Locator | None = None) -> None:
        """Keep a screenshot of the window, scrolled to *of*, under a name that says *what*."""
        if of is not None:
            of.scroll_into_view_if_needed()
            self.page.wait_for_timeout(300)
        self.page.screenshot(path=PICTURES / f"{self.name}-{what}.png")

    def move_sliders(self, most: int, presses: int) -> list[float]:
        """Milliseconds from key to changed chart, the first *most* sliders of each explorer to and fro; -1: no change.

        Prints the median and the 95th percentile.
        """
        times: list[float] = []
        for explorer in self.page.locator(".ms-explorer").all():
            explorer.locator(".ms-scene svg").first.wait_for(timeout=10_000)
            for number, handle in enumerate(explorer.locator(".noUi-handle").all()[:most]):
                times += [self._press(handle, ("ArrowRight", "ArrowLeft")[i % 2]) for i in range(presses)]
                self.picture(f"slider-{number + 1}", handle)
        if times:
            p95 = statistics.quantiles(times, n=20)[-1]
            middle = statistics.median(times)
            print(f"\n{self.name}: key press to changed chart: median {middle:.0f} ms, p95 {p95:.0f} (goal {GOAL_MS})")
        return times

    def _press(self, handle: Locator, key: str) -> float:
        """Milliseconds from pressing *key* on *handle* to the changed chart; -1 if it did not change."""
        handle.scroll_into_view_if_needed()
        handle.evaluate(WATCH)
        handle.focus()
        self.page.keyboard.press(key)
        self.page.wait_for_function("() => window.changed !== null", timeout=10_000)
        self.page.wait_for_timeout(150)
        return float(self.page.evaluate("() => window.changed"))


def first_widgets(cells: list[dict]) -> list[bool]:
    """Which of the code *cells* stay: the first three that show a widget (a prediction, two to play with), and the last
    (the questions); the others are of the same kinds.
    """
    shows = [any(WIDGET in kind for output in cell["outputs"] for kind in output.get("data", ())) for cell in cells]
    widgets = [i for i, shown in enumerate(shows) if shown]
    return [i in widgets[:3] + widgets[-1:] for i in range(len(cells))]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The course, served from a copy, and Chromium."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "labs", "solutions"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for path in (root / "notebooks").glob("*.ipynb"):
        if not path.name.startswith(("00", "03", "15")):
            keep_only(path, first_widgets)
    PICTURES.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "NO_BROWSER": "1"}
    port = 8888 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # two that look at once find the same one
    command = [sys.executable, "-c", SERVE, str(root), str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as course:
        try:
            assert course.stdout is not None
            url = next(word for line in course.stdout for word in line.split() if word.startswith("http"))
            with sync_playwright() as playwright:
                alone = [] if os.geteuid() else ["--no-sandbox"]  # Chromium's sandbox refuses to work for root
                browser = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *alone])
                yield Lab(url, browser.new_context(viewport={"width": 1280, "height": 800}))
                browser.close()
        finally:
            course.send_signal(signal.SIGINT)
            course.wait(30)
