"""The page of a running design in a real browser, by keyboard: kill a server, see it go down and come up, audit."""

from __future__ import annotations

import pytest

from minisys.design.live import up
from tests.design.small_shop import SMALL, buy

pytestmark = pytest.mark.browser
# The words that the state of one copy shows, one after the other.
WATCH = """copy => {
    const state = document.querySelector(`[data-copy="${copy}"] .state`);
    window.words = [state.textContent];
    new MutationObserver(() => state.textContent === window.words.at(-1) || window.words.push(state.textContent))
        .observe(state, {childList: true, characterData: true, subtree: true});
}"""
FOCUSED = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.id"


def reach(page, what: str) -> None:
    """Press Tab until *what* has the focus."""
    for _ in range(60):
        if page.evaluate(FOCUSED) == what:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{what} cannot be reached by keyboard")


def test_a_server_is_killed_by_keyboard_goes_down_and_comes_up(lab):
    with up(SMALL) as shop:
        assert buy(shop.url, "page-1", 1)[0] == 201
        context = lab.context.browser.new_context(viewport={"width": 1280, "height": 900})
        page, problems, left = context.new_page(), [], []
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.on("console", lambda said: said.type == "error" and problems.append(said.text))
        page.on("request", lambda asked: asked.url.startswith((shop.page, "data:")) or left.append(asked.url))
        page.goto(shop.page)
        page.wait_for_function(f"() => document.querySelectorAll('.state.up').length === {len(shop.host.all())}")
        pid = shop.host.copies["app/1"].node.pid
        page.evaluate(WATCH, "app/1")
        reach(page, "kill app/1")
        page.keyboard.press("Enter")
        page.wait_for_function("() => window.words.includes('down')")
        page.screenshot(path="ci-artifacts/browser/shop-down.png")
        page.wait_for_function("() => window.words.at(-1) === 'up'", timeout=20_000)
        assert page.evaluate(FOCUSED) == "kill app/1"
        assert shop.host.copies["app/1"].node.pid != pid
        page.get_by_role("log").get_by_text("app/1 is up again").wait_for()
        reach(page, "audit")
        page.keyboard.press("Enter")
        page.locator("#verdict.good").wait_for(timeout=20_000)
        assert page.locator("#verdict").inner_text().startswith("Clean: of 20,000 units 1 ")
        page.screenshot(path="ci-artifacts/browser/shop-up.png")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        context.close()
    assert problems == [] and left == []
