"""The edge as a process, with curl as its client; NGINX in its place; the shop behind both."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from minisys.caching import edge_live, edge_real, edge_shop
from minisys.caching.edge_model import Plan
from minisys.testbed import nodes
from minisys.testbed.nodes import NodeFailed, ask

pytestmark = pytest.mark.live
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_nginx = pytest.mark.skipif("not installed" in edge_real.available()["nginx"], reason="nginx is not installed")


def curl(*words: str, body: str = "") -> tuple[str, str]:
    """Headers and body that curl got; *body* is its standard input."""
    command = ["curl", "-s", "-i", "--max-time", "10", *words]
    told = subprocess.run(command, capture_output=True, input=body.encode(), check=True, timeout=20).stdout.decode()
    while told.startswith("HTTP/1.1 100"):
        told = told.partition("\r\n\r\n")[2]
    head, _, found = told.partition("\r\n\r\n")
    return head, found


@pytest.fixture(scope="module")
def cdn():
    with edge_live.network(Plan(("Frankfurt",), work_s=0.01), options=["--sign-key", "k"]) as running:
        yield running


@needs_curl
def test_curl_meets_copies_conditions_ranges_and_heads(cdn):
    url = cdn.url(path="/image/3.svg")
    first, body = curl(url)
    again, same = curl("--http1.1", url)
    assert "X-Cache: MISS" in first and "X-Cache: HIT" in again and body == same and body.startswith("<svg")
    tag = next(line.split(": ", 1)[1].strip() for line in first.splitlines() if line.lower().startswith("etag"))
    assert curl("-H", f"If-None-Match: {tag}", url)[0].startswith("HTTP/1.1 304")
    part, ten = curl("-r", "0-9", url)
    assert part.startswith("HTTP/1.1 206") and ten == body[:10]
    assert f"Content-Length: {len(body)}" in curl("-I", url)[0]
    assert "X-Cache: HIT" in curl("--http1.0", url)[0]


@needs_curl
def test_curl_posts_and_is_refused_without_a_signature(cdn):
    assert "X-Cache: PASS" in curl("-d", "n=1", cdn.url(path="/basket/3"))[0]
    assert "X-Cache: PASS" in curl("-d", "@-", cdn.url(path="/basket/3"), body="x" * 2_000_000)[0]
    assert curl(cdn.url(path="/private/3"))[0].startswith("HTTP/1.1 403")


def test_five_hundred_readers_on_real_sockets_are_one_question(cdn):
    ask("GET", cdn.url(path="/item/77"))
    cdn.purge(url="/item/77", soft=False)
    before = cdn.counts()["origin"]["computed"]
    with ThreadPoolExecutor(50) as readers:
        said = list(readers.map(lambda _: ask("GET", cdn.url(path="/item/77")), range(500)))
    assert len(set(said)) == 1 and cdn.counts()["origin"]["computed"] == before + 1


def test_the_origin_dies_and_what_may_be_stale_is_still_there():
    with edge_live.network(Plan(("Frankfurt",), work_s=0.01)) as cdn:
        page, gone = ask("GET", cdn.url(path="/item/5")), ask("GET", cdn.url(path="/price/5"))
        cdn.purge(soft=True)
        cdn.origin.kill()
        assert ask("GET", cdn.url(path="/item/5")) == page and json.loads(gone)["item"] == "5"
        with pytest.raises(NodeFailed, match="502"):
            ask("GET", cdn.url(path="/price/5"))


def test_the_shop_says_what_it_is_told_to_and_survives_bad_words(cdn):
    with nodes.start("minisys.caching.edge_shop", "--work", "0") as shop:
        control = f"http://127.0.0.1:{shop.admin_port}"
        page = ask("GET", f"{shop.url}/")
        assert page.count("<img") == edge_shop.ITEMS and "shop.css" in page and "shop.js" in page
        assert "grid-template" in ask("GET", f"{shop.url}/static/1/shop.css")
        ask("POST", f"{control}/headers", json.dumps({"price": {"Cache-Control": "no-store"}}).encode())
        for bad in (b"[]", b"{", b'{"nonsense": {}}', b'{"price": {"A": 1}}', b'{"price": {"A": "b\\nc"}}'):
            with pytest.raises(NodeFailed, match="400"):
                ask("POST", f"{control}/headers", bad)
        before = ask("GET", f"{shop.url}/price/3")
        ask("POST", f"{control}/price?item=3")
        assert ask("GET", f"{shop.url}/price/3") != before
        ask("POST", f"{control}/down")
        with pytest.raises(NodeFailed, match="503"):
            ask("GET", f"{shop.url}/item/1")
        assert json.loads(ask("GET", f"{control}/counts"))["asked"] == 5
        with pytest.raises(NodeFailed, match="404"):
            ask("GET", f"{control}/nonsense")


def test_pictures_are_the_same_in_every_process():
    assert edge_shop.picture("3") == edge_shop.picture("3") != edge_shop.picture("4")
    assert 10_000 < len(edge_shop.picture("3")) < 40_000


@needs_nginx
def test_nginx_as_an_edge_keeps_waits_and_goes_without_a_trace():
    with nodes.start("minisys.caching.edge_shop", "--work", "0.2") as shop:
        with edge_real.edge("nginx", shop.url) as node:
            with ThreadPoolExecutor(20) as readers:
                said = list(readers.map(lambda _: ask("GET", f"{node.url}/item/9"), range(40)))
            counts = json.loads(ask("GET", f"http://127.0.0.1:{shop.admin_port}/counts"))
            port = node.port
        assert len(set(said)) == 1 and counts["computed"] == 1
        with pytest.raises(NodeFailed):
            ask("GET", f"http://127.0.0.1:{port}/item/9")


def test_a_missing_product_is_one_line_and_an_unknown_one_is_named(monkeypatch):
    assert set(edge_real.available()) == set(edge_real.PRODUCTS)
    with pytest.raises(ValueError, match="unknown product 'squid'; known: nginx, varnish"):
        edge_real.config("squid", "http://127.0.0.1:1")
    with pytest.raises(ValueError, match="http://host:port"):
        edge_real.config("nginx", "ftp://x")
    monkeypatch.setattr(edge_real.shutil, "which", lambda *_, **__: None)
    assert edge_real.available()["varnish"].startswith("varnish is not installed") and "proxy_cache_lock on" in (
        edge_real.config("nginx", "http://127.0.0.1:1")
    )
