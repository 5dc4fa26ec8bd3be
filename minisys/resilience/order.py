"""What a request asks for: the item, its work, how much it matters, and until when somebody waits.

Promised: a number that makes no sense is named in the error, and the request goes no further.
"""

from __future__ import annotations

import math

from aiohttp import web

from minisys.resilience.calling import PRIORITY
from minisys.resilience.timeouts import DEADLINE, Deadline


class Order:
    """A request that arrived at *now*: key, work_s, priority (0 matters most) and deadline.

    The work is X-Work-S; the priority X-Priority, else the item's number. patience_s: see Service.
    Raises ValueError for a path or header that is no such number.
    """

    def __init__(self, request: web.BaseRequest, now: float, patience_s: float | None) -> None:
        self.arrived_s, self.key = now, int(_number("N in /item/N", request.path.rpartition("/")[2], 0, 2**53))
        self.work_s = _number("X-Work-S", request.headers.get("X-Work-S", "0"), 0, 3600)
        self.priority = int(_number(PRIORITY, request.headers.get(PRIORITY, str(self.key)), 0, 2**53))
        self.deadline = Deadline.from_header(request.headers.get(DEADLINE), now)
        if patience_s is not None and DEADLINE not in request.headers:
            self.deadline = Deadline(now + patience_s)

    def headers(self) -> dict[str, str]:
        """What the next service must know; the deadline is the caller's to add."""
        return {"X-Work-S": repr(self.work_s), PRIORITY: str(self.priority)}


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {text!r}")
    return value
