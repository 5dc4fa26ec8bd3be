"""A run played on the picture of its design, in a real page and by keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minisys.design.film import Film, film
from minisys.design.growth_steps import step, tried
from minisys.testbed import style

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><meta charset="utf-8"><style>%s</style><div id="film" style="width: 820px"></div>
<script type="module">%s; widget.render({model: {get: () => (%s)}, el: document.getElementById("film")});</script>"""
DOTS = """() => {
    const canvas = document.querySelector("canvas"), data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let blue = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === 0 && data[i + 1] === 114 && data[i + 2] === 178 && data[i + 3] === 255) blue++;
    return blue;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film of a lost zone, alone on a page."""
    made = film(step("zones"), tried("zones", "zone lost"))
    script = Film._esm.replace("export default", "const widget =")
    path = tmp_path_factory.mktemp("film") / "film.html"
    path.write_text(PAGE % (style.css(), script, json.dumps(made.data)), "utf-8")
    return path


def open_page(lab, path: Path, **how):
    """The page in its own context, and what went wrong in it or was asked of elsewhere."""
    page, problems = lab.context.browser.new_context(viewport={"width": 900, "height": 1000}, **how).new_page(), []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.on("request", lambda asked: asked.url.startswith("file:") or problems.append(asked.url))
    page.goto(path.as_uri())
    page.wait_for_selector(".ms-clock:not(:empty)")
    return page, problems


def test_the_film_plays_pauses_and_seeks_by_keyboard(lab, page_file):
    page, problems = open_page(lab, page_file)
    clock, says = page.locator(".ms-clock"), page.locator(".ms-caption").first
    assert "zone loss eu-a" in says.inner_text()  # it waits where something is broken
    assert page.locator(".ms-broken[data-zone='eu-a']").count() > 0
    assert page.evaluate(DOTS) > 20
    page.screenshot(path="ci-artifacts/browser/design-film.png")
    page.locator(".ms-play").focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => parseFloat(document.querySelector('.ms-clock').textContent) > 0.5")
    assert "Pause" in page.locator(".ms-play").inner_text()
    page.keyboard.press("Space")
    stopped = clock.inner_text()
    page.wait_for_timeout(150)
    assert clock.inner_text() == stopped and "answered well" in says.inner_text()
    for key, moment in (("End", "20.0 s"), ("Home", "0.0 s"), ("ArrowRight", "0.3 s"), ("ArrowLeft", "0.0 s")):
        page.keyboard.press(key)
        assert clock.inner_text() == moment
    assert page.locator(".ms-broken").count() == 0
    assert problems == []
    page.context.close()


def test_who_wants_little_motion_gets_steps(lab, page_file):
    page, problems = open_page(lab, page_file, reduced_motion="reduce")
    page.locator(".ms-play").focus()
    page.keyboard.press("Space")
    seen = set()
    for _ in range(20):
        seen.add(page.locator(".ms-clock").inner_text())
        page.wait_for_timeout(50)
    assert 1 <= len(seen) <= 4
    assert problems == []
    page.context.close()
