"""What happens while users are there: who dies, slows down, joins or leaves, and when.

At 11:02 somebody trips over a cable, at 11:05 the machine is back. Written down as data, the same two minutes can be
played to the simulation, to our proxy and to NGINX, and the three traces laid side by side.

Promised: a plan is checked before anything starts; its errors name the step. Not done here: carrying it out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

ACTIONS = ("kill", "stop", "restart", "slow", "pause", "resume", "add", "drain", "remove", "weight")


@dataclass(frozen=True)
class Step:
    """One step: *at_s* seconds after the start, do *action* to *backend*.

    kill: the process dies at once, and all it held. stop: it takes nobody new, finishes what it has and ends (SIGTERM).
    restart: it is back, empty. slow: it works *value* times as long
    (1 = normal). pause, resume: it stops without a word (SIGSTOP), and goes on. add: a new backend joins, or a drained
    one returns, with weight *value*. drain: it finishes what it has and gets nothing new. remove: drained, then gone
    for good. weight: its weight becomes *value*.
    Raises ValueError for an unknown action, a negative time, a factor of 0 or less, a negative weight.
    """

    at_s: float
    action: str
    backend: str
    value: float = 1.0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r} in {self}; known: {', '.join(ACTIONS)}")
        if not 0 <= self.at_s < math.inf:
            raise ValueError(f"at_s must be 0 or more seconds, got {self.at_s} in {self}")
        if not 0 <= self.value < math.inf or (self.action in ("slow", "add") and self.value == 0):
            raise ValueError(f"value must be a number above 0 (a weight may be 0), got {self.value} in {self}")


@dataclass(frozen=True)
class HealthCheck:
    """Ask every backend every *interval_s* seconds whether it is well; no answer within *timeout_s* seconds is a no.

    *fall* noes in a row take it out of service, *rise* yeses in a row put it back. Detection takes up to
    fall x interval_s + timeout_s. Raises ValueError unless 0 < timeout_s <= interval_s and rise, fall >= 1.
    """

    interval_s: float = 0.2
    timeout_s: float = 0.1
    rise: int = 2
    fall: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= self.interval_s < math.inf:
            raise ValueError(
                f"need 0 < timeout_s <= interval_s, got timeout_s={self.timeout_s}, interval_s={self.interval_s}"
            )
        if self.rise < 1 or self.fall < 1:
            raise ValueError(f"rise and fall must be at least 1, got rise={self.rise}, fall={self.fall}")


def backend_names(backends: int | Sequence[str]) -> tuple[str, ...]:
    """The names of *backends*: "a", "b", … "z", then "b26", "b27" …; a sequence of names is checked and returned.

    Raises ValueError for fewer than one backend or a name given twice.
    """
    if isinstance(backends, str):
        raise ValueError(f"backends must be a number or a sequence of names, got the text {backends!r}")
    if isinstance(backends, int):
        names = tuple(ascii_lowercase[i] if i < 26 else f"b{i}" for i in range(backends))
    else:
        names = tuple(backends)
    if not names:
        raise ValueError(f"a balancer needs at least one backend, got {backends!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"backend names must differ, got {next(x for x in names if names.count(x) > 1)!r} twice")
    return names


def check_plan(plan: Sequence[Step], names: Sequence[str]) -> tuple[Step, ...]:
    """The plan in order of time, once every step makes sense for backends that start as *names*.

    Raises ValueError, naming the step, for a backend that is not there (yet, or any more) or is added twice.
    """
    state = dict.fromkeys(names, "in")
    for step in (ordered := tuple(sorted(plan, key=lambda step: step.at_s))):
        before = state.get(step.backend)
        if step.action == "add" and before in ("in", "gone"):
            raise ValueError(f"{step}: {step.backend!r} is {before}; add a backend of another name")
        if step.action != "add" and before in (None, "gone"):
            here = sorted(name for name in state if state[name] != "gone")
            raise ValueError(f"{step}: there is no backend {step.backend!r} at that time; there are {here}")
        state[step.backend] = {"add": "in", "drain": "drained", "remove": "gone"}.get(step.action, before or "in")
    return ordered


def all_names(plan: Sequence[Step], names: Sequence[str]) -> tuple[str, ...]:
    """Every backend that ever exists: *names*, then those that the plan adds, each once, in order of time."""
    added = (step.backend for step in sorted(plan, key=lambda step: step.at_s) if step.action == "add")
    return tuple(dict.fromkeys((*names, *added)))


def speeds(speed: Sequence[float] | None, names: Sequence[str]) -> list[float]:
    """The speed of each backend called *names* (default: 1 each): a server of speed 2 does the work in half the time.

    Raises ValueError unless there is one number above 0 for each backend.
    """
    if speed is None:
        return [1.0] * len(names)
    if len(speed) != len(names) or not all(0 < value < math.inf for value in speed):
        raise ValueError(f"speed must be {len(names)} numbers above 0, one a backend, got {list(speed)}")
    return [float(value) for value in speed]
