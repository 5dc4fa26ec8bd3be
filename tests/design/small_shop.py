"""A shop of thirteen processes, with one of most things: what the live tests start."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from minisys.design.live_plan import SHOP

ONE = {"edge": {"copies": 1}, "balancer": {"copies": 1}, "store": {"shards": 1}, "workers": {"copies": 1}}
SMALL = replace(SHOP, name="small", parts=tuple(replace(p, **ONE.get(p.name, {})) for p in SHOP.parts))
BROKEN = (URLError, OSError, ValueError)


def ask(url: str, body: Any = None, timeout_s: float = 5.0, **headers: str) -> tuple[int, Any]:
    """The status of one request and its JSON, or text; 0 if nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Request(url, data, named), timeout=timeout_s) as answer:
            status, said = answer.status, answer.read().decode()
    except HTTPError as problem:
        with problem:
            status, said = problem.code, problem.read().decode()
    except BROKEN as problem:
        return 0, str(problem)
    try:
        return status, json.loads(said)
    except ValueError:
        return status, said


def buy(url: str, key: str, item: int, patience_s: float = 20.0) -> tuple[int, Any]:
    """Buy as a good client does: with one key, again and again until there is an answer."""
    until_s = time.monotonic() + patience_s
    while True:
        status, said = ask(f"{url}/orders", {"item": item}, Idempotency_Key=key)
        if status in (201, 400, 409) or time.monotonic() > until_s:
            return status, said
        time.sleep(0.1)
