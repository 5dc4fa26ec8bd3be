"""NGINX and HAProxy in the place of our proxy: the same users and the same plan, on the real clock.

Counts only, no timings: what the users got, who answered, and that nothing is left when it is over.
"""

from __future__ import annotations

import os
import shutil
import site
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from minisys.load_balancing import products, real
from minisys.load_balancing.plan import Step
from minisys.load_balancing.products import PRODUCTS
from minisys.load_balancing.running import HaproxyCluster
from minisys.testbed.nodes import NodeFailed
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Poisson, Workload, Zipf, workload

pytestmark = pytest.mark.live
ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture(params=PRODUCTS)
def product(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a product that is installed here."""
    told = real.available()[request.param]
    if "not installed" in told or "does not run" in told:
        pytest.skip(told)
    yield request.param


def requests(seconds: float, rate: float = 100.0, seed: int = 1) -> Workload:
    n = int(seconds * rate)
    return workload(n, arrivals=Poisson(rate), work=Deterministic(0.03), keys=Zipf(100), seed=seed)


def assert_all_ok(trace: Trace, n: int) -> None:
    assert len(trace.check()) == n
    assert trace.frame["outcome"].value_counts()["ok"] == n, trace.frame["outcome"].value_counts().to_dict()


def test_traffic_goes_through_to_all_backends(product: str) -> None:
    offered = requests(1.0)
    trace = real.run(product, offered, policy="round robin", workers=8)
    assert_all_ok(trace, len(offered))
    answered = trace.frame["server"].value_counts()
    assert answered.index.sort_values().tolist() == ["a", "b", "c"]
    assert answered.max() - answered.min() <= 2
    assert set(trace.frame["attempts"]) == {1}


def test_killing_one_of_three_backends_costs_nobody_a_get(product: str) -> None:
    offered = requests(3.0)
    trace = real.run(product, offered, workers=8, plan=[Step(1.0, "kill", "b")])
    assert_all_ok(trace, len(offered))
    assert set(trace.frame["server"][-50:]) == {"a", "c"}
    assert trace.frame["attempts"].max() == 2, "somebody was sent to the dead one first"


def test_a_post_that_died_with_its_backend_is_not_sent_again(product: str) -> None:
    offered = workload(600, arrivals=Poisson(300.0), work=Deterministic(0.1), seed=3)
    trace = real.run(product, offered, workers=32, plan=[Step(1.0, "kill", "b")], method="POST")
    lost = trace.frame[trace.frame["outcome"] == "failed"]
    assert 1 <= len(lost) <= 32, "about ten were inside when it died"
    assert (lost["attempts"] == 1).all()


def test_adding_draining_and_removing_costs_nobody_a_request(product: str) -> None:
    offered = requests(3.0, seed=2)
    plan = [Step(0.5, "add", "d"), Step(1.2, "drain", "a"), Step(1.8, "remove", "a")]
    trace = real.run(product, offered, policy="round robin", workers=8, plan=plan)
    assert_all_ok(trace, len(offered))
    assert set(trace.frame["server"][-50:]) == {"b", "c", "d"}
    assert list(trace.frame["server"].cat.categories) == ["a", "b", "c", "d"]


def test_a_drained_backend_returns_and_weights_change(product: str) -> None:
    with real.cluster(product, "weighted round robin", workers=8) as shop:
        shop.drain("b")
        assert {answered(shop.url) for _ in range(12)} == {"a", "c"}
        shop.add("b", weight=2.0)
        shop.weight("a", 0.0)
        assert {answered(shop.url) for _ in range(12)} == {"b", "c"}
        assert {row["name"]: (row["weight"], row["state"]) for row in shop.backends()} == {
            "a": (0.0, "in"), "b": (2.0, "in"), "c": (1.0, "in"),
        }  # fmt: skip


def test_a_change_that_makes_no_sense_changes_nothing(product: str) -> None:
    with real.cluster(product, backends=1) as shop:
        before = shop.config
        for change, complaint in [
            (lambda: shop.add("a"), "there is a backend 'a' already"),
            (lambda: shop.drain("z"), "there is no backend 'z'"),
            (lambda: shop.remove("a"), "'a' is the last backend"),
            (lambda: shop.weight("a", 300.0), "weight 300.0 does not fit"),
        ]:
            with pytest.raises(ValueError, match=complaint):
                change()
        assert shop.config == before
        assert answered(shop.url) == "a"


def answered(url: str) -> str:
    """Who answers a request to *url*."""
    with urlopen(f"{url}/item/1", timeout=5) as answer:
        return str(answer.headers["X-Served-By"])


def test_haproxys_own_statistics_can_be_read(product: str) -> None:
    with real.cluster(product) as shop:
        if isinstance(shop, HaproxyCluster):
            assert {name: row["status"][:2] for name, row in shop.stat().items()} == dict.fromkeys("abc", "UP")
            with pytest.raises(NodeFailed, match="HAProxy refused 'set weight backends/z 1': No such server"):
                shop.ask("set weight backends/z 1")


def test_a_bad_configuration_is_named_in_the_products_words(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, product.upper(), f"no_such_directive 1;\n{getattr(products, product.upper())}")
    complaint = f"{product} refuses its configuration:\n(.|\n)*no_such_directive"
    with pytest.raises(NodeFailed, match=complaint):
        real.cluster(product)
    assert not children()


def test_nothing_listens_and_nothing_runs_afterwards(product: str) -> None:
    with real.cluster(product) as shop:
        ports = [shop.port, *(node.port for node in shop.nodes.values())]
        folder, processes = shop.folder, children()
        assert len(processes) >= 4
    assert not [port for port in ports if listens(port)]
    assert not folder.exists()
    assert not psutil.wait_procs(processes, timeout=5)[1]


def children() -> list[psutil.Process]:
    """Every process below this one but the guard, which lives as long as the test run."""
    return [child for child in psutil.Process().children(recursive=True) if not is_guard(child)]


def is_guard(process: psutil.Process) -> bool:
    try:
        return any(part.endswith("guard.py") for part in process.cmdline())
    except psutil.NoSuchProcess:
        return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="the other tests run as an ordinary user")
def test_an_ordinary_user_can_do_it_too(product: str) -> None:
    code = (
        "from minisys.load_balancing import real; from minisys.testbed.workload import *\n"
        f"offered = workload(50, arrivals=Poisson(100.0), work=Deterministic(0.01), seed=1)\n"
        f"print('ok:', real.run({product!r}, offered).count('ok'))"
    )
    done = as_nobody(python_of_nobody(), code)
    assert done.stdout == "ok: 50\n", done.stderr


def as_nobody(python: str, code: str) -> subprocess.CompletedProcess[str]:
    """*code* run by *python* as the user nobody, who may not enter the folders of this test run."""
    places = {"PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()]), "HOME": "/tmp", "TMPDIR": "/tmp"}
    return subprocess.run(
        [python, "-c", code], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, text=True,
        env=os.environ | places | {"PYTHONDONTWRITEBYTECODE": "1"}, timeout=60,
    )  # fmt: skip


def python_of_nobody() -> str:
    """A Python of this version that nobody may run, with the same packages; skips if there is none."""
    of_system = shutil.which(f"python3.{sys.version_info[1]}", path="/usr/local/bin:/usr/bin")
    for python in filter(None, [sys.executable, of_system]):
        with suppress(PermissionError):
            if as_nobody(python, "import minisys.load_balancing, aiohttp, numpy").returncode == 0:
                return python
    pytest.skip("no Python here that an ordinary user may run (it lies in root's home)")
