"""The shop's front page in a real browser: without an edge, for an edge's first visitor, and for the second."""

from __future__ import annotations

import re

import pytest

from minisys.caching.edge_live import network
from minisys.caching.edge_model import Plan

pytestmark = pytest.mark.browser


def visit(lab, url, name):
    """Seconds until the page was complete, how many of its parts came from copies, of how many; a new browser each."""
    browser = lab.context.browser
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto(url, wait_until="load")
    page.wait_for_function("() => document.getElementById('took').textContent.startsWith('Complete')")
    said = page.locator("#took").inner_text()
    page.screenshot(path=f"ci-artifacts/browser/edge-shop-{name}.png")
    drawn = page.locator("main img").evaluate_all("all => all.every(image => image.naturalWidth > 0)")
    context.close()
    assert drawn and failed == []
    took, copies, parts = re.findall(r"[\d.]+", said.replace("no edge", "0 of 0"))[:3]
    return float(took), int(copies), int(parts.rstrip("."))


def test_a_browser_sees_the_difference(lab):
    with network(Plan(("Sydney",), caching=False, work_s=0.02)) as far:
        slow_s, copies, _ = visit(lab, far.url(), "without")
        assert copies == 0
    with network(Plan(("Sydney",), work_s=0.02)) as cdn:
        _, first, parts = visit(lab, cdn.url(), "first")
        fast_s, second, again = visit(lab, cdn.url(), "second")
        asked = cdn.counts()["origin"]["computed"]
    assert first == 0 and second == parts == again == 27 and asked == 27
    assert fast_s < slow_s / 2
