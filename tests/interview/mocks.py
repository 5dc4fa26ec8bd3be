"""A case, a machine without a simulation and a clock for the tests of mock interviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from minisys.design.cases.change import Change
from minisys.design.parts import Call, Clients, Database, Design, Objectives, Service
from minisys.interview.mock_machine import Seen
from minisys.interview.rubric import DIMENSIONS

GOOD = "Two copies in two zones, because one dies"
WEAK = {
    "weakness": "single point of failure", "component": "db", "damage": 0.6, "plan": "kill of db/1 at 10 s",
    "sentence": "Your db has one copy: it took 60 % of the requests with it.", "seed": 3,
    "cure": "A replica (chapter 06).",
}  # fmt: skip


@dataclass(frozen=True)
class Small:
    """A case as `minisys.design.cases` has them: a guest book."""

    name: str = "guest-book"
    title: str = "A guest book"
    brief: str = "People leave a line, and everybody reads the last hundred."
    prompts: Mapping[str, str] = field(
        default_factory=lambda: {
            name: f"Tell me about {name}."
            for name in ("scope", "estimate", "interface", "high level", "deep dive", "failures", "wrap-up")
        }
    )
    slice: str = ""
    change: Change = Change(
        says="Lines may now carry a picture.", traffic=2, objectives={"cost": "$2000/month", "p99": "200 ms"}
    )
    follow_ups: tuple[str, ...] = ("Who deletes what is rude?", "What is old?", "Who pays?")

    def design(self) -> Design:
        parts = [
            Clients("users", region="here", rate=100, calls=[Call("app")]),
            Service("app", takes=0.01, workers=4, copies=2, calls=[Call("db", timeout=0.5)]),
            Database("db", takes=0.002, workers=8, copies=2, replication="semi-sync", failover=5.0),
        ]
        return Design("guest-book", parts, objectives=Objectives(p99=0.3, cost=1000.0))

    def after(self) -> Design:
        return self.change.applied(self.design())


class Machine:
    """Finds one weakness in a text unless it says "two"."""

    def starter(self, case):
        return "one db"

    def look(self, case, text, seed, changed=False):
        if "nonsense" in text:
            raise ValueError("line 1: no design; write `design: name`")
        well = "two" in text
        return Seen(case.design(), (("p99", "300 ms", "20 ms" if well else "900 ms", well, "seed 0"),))

    def wanted(self, case, changed=False):
        return ["p99: 200 ms", "cost: $2000/month"] if changed else ["p99: 300 ms", "cost: $1000/month"]

    def reference(self, case, seed, changed=False):
        return self.look(case, "one" if changed else "two", seed)

    def weaknesses(self, case, text, seed, changed=False):
        return () if "two" in text else (WEAK,)

    def after(self, case, text, seed, finding, changed=False):
        return {"damage": 0.0, "cured": True} if "two" in text else {"damage": 0.6, "cured": False}

    def picture(self, design):
        return '<svg xmlns="http://www.w3.org/2000/svg"><text>db</text></svg>'


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now_s=1_000_000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s

    def __iadd__(self, seconds):
        self.now_s += seconds
        return self


def card(score=3, evidence=GOOD):
    """The same score with the same evidence in every dimension."""
    return dict.fromkeys(DIMENSIONS, (score, evidence))
