"""What can be broken, and with which figures: the vocabulary of fault plans.

"Make the network bad" is no instruction. Two hundred milliseconds, in one direction, on one link, for ten seconds is.
Each kind of fault names its values here, with a default and a range, so that a plan is refused before it breaks things
in another way than its author meant.

Promised: a value that is missing gets its default; one that is unknown, of a wrong type or out of range is refused with
a sentence. Not here: what a fault does; that is said beside each kind, and done by the injectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True)
class Value:
    """A figure of a fault: its *default* (None: it must be given), and the range *low* <= x <= *high*, or *choices*."""

    default: Any = None
    low: float = 0.0
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def checked(self, name: str, given: Any) -> Any:
        """*given*, if it is allowed. Raises ValueError if not."""
        if self.choices:
            if given not in self.choices:
                raise ValueError(f"{name} must be one of {', '.join(self.choices)}, got {given!r}")
            return given
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise ValueError(f"{name} must be a number, got {given!r}")
        if not (self.low <= given <= self.high and math.isfinite(given)):
            raise ValueError(f"{name} must be from {self.low:g} to {self.high:g}, got {given!r}")
        return given


WAY = Value("both", choices=DIRECTIONS)
RATIO = Value(1.0, 0.0, 1.0)
SECONDS = Value(low=0.0, high=3600.0)
TINY = 1e-6

PROCESS: dict[str, dict[str, Value]] = {
    "kill": {},  # SIGKILL; when the fault ends it is started again, if the injector knows how
    "pause": {},  # SIGSTOP: it keeps its connections and says nothing
    "slow cpu": {"share": Value(0.2, 0.01, 0.99), "period_s": Value(0.02, 0.002, 10.0)},  # runs that part of the time
    "memory": {"megabytes": Value(100.0, 1.0, 1e6)},  # so much of the machine's memory is taken; target: the machine
}
NETWORK: dict[str, dict[str, Value]] = {
    "latency": {"delay_s": SECONDS, "direction": WAY},
    "jitter": {"jitter_s": SECONDS, "delay_s": Value(0.0, 0.0, 3600.0), "direction": WAY},  # delay + uniform to jitter
    "bandwidth": {"bytes_per_s": Value(low=1.0, high=1e12), "direction": WAY},
    "loss": {"ratio": Value(0.01, 0.0, 1.0), "stall_s": Value(0.2, 0.0, 60.0), "direction": WAY},  # as TCP shows it
    "reset": {},  # every connection breaks, once
    "half-open": {},  # the far end is gone, and the near end has not heard
    "blackhole": {"direction": WAY},  # what is said is lost; who lost something is reset when the fault ends
    "partition": {"direction": WAY},  # held back until it ends; target: a link, or groups of nodes "a b | c"
    "corrupt": {"ratio": RATIO, "direction": WAY},  # that part of the pieces has one byte changed
}
CLOCK: dict[str, dict[str, Value]] = {
    "clock offset": {"offset_s": Value(low=-1e9, high=1e9)},  # so many seconds ahead
    "clock skew": {"rate": Value(low=TINY, high=1e3)},  # seconds it counts in one second
}
DISK: dict[str, dict[str, Value]] = {
    "disk full": {},
    "disk slow": {"delay_s": SECONDS},  # each write and each fsync
    "disk read-only": {},
}
DEPENDENCY: dict[str, dict[str, Value]] = {
    "errors": {"ratio": RATIO, "status": Value(503, 400, 599)},
    "slow answers": {"delay_s": SECONDS},
    "wrong answers": {"ratio": RATIO},  # well-formed, quick, and not true
}
ARCHITECTURE: dict[str, dict[str, Value]] = {  # in virtual time (minisys.design); a machine has no zones to lose
    "zone loss": {},  # all that stands in it is gone, and nothing says so; target: a zone
    "region loss": {},  # target: a region
    "bad deploy": {"ratio": RATIO},  # that part of its requests fails, after the work, until it is rolled back
    "cache flush": {},  # it is empty, once
}
KINDS: dict[str, dict[str, Value]] = {**PROCESS, **NETWORK, **CLOCK, **DISK, **DEPENDENCY, **ARCHITECTURE}


def checked(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a fault of *kind*: those *given*, and defaults for the others. Raises ValueError for a bad one."""
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; known: {', '.join(KINDS)}")
    known = KINDS[kind]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"a {kind!r} fault has no {unknown[0]!r}; it takes {', '.join(known) or 'no values'}")
    values = {}
    for name, value in known.items():
        if name not in given and value.default is None:
            raise ValueError(f"a {kind!r} fault needs {name}")
        values[name] = value.checked(name, given.get(name, value.default))
    return values
