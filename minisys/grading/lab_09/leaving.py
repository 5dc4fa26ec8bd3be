"""Lab 09, task 5: a machine leaves, tried with users at every moment, killed at every step, and then for real.

The learner's steps run on a small machine that has requests of several lengths on it and to which the balancer sends
more as long as it may. Then the same steps take a backend from the live balancer under load, where "stop" is SIGKILL.
"""

from __future__ import annotations

import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from minisys.grading.checks import Check, Wrong

Steps = Iterator[tuple[Any, ...]]
Leave = Callable[[], Steps]
WORDS = ("drain", "in flight", "forget", "stop", "wait")
LENGTHS_S, LONGEST_S, ALL_WAITS_S = (1.0, 4.0, 40.0), 600.0, 3_600.0
MOST_STEPS, MOST_AT_ONCE = 100_000, 2_000  # commands in all; without a wait between them
DEATHS = 20  # at the beginning, at the end, and evenly between


class Machine:
    """One machine behind a balancer, in virtual time; requests come before every command while the balancer sends."""

    def __init__(self, lengths_s: tuple[float, ...] = LENGTHS_S) -> None:
        self.now, self.lengths_s = 0.0, lengths_s
        self.ends = [length for length in lengths_s]
        self.draining = self.forgotten = self.stopped = False
        self.lost, self.turned_away = 0, 0

    def do(self, word: str, number: float) -> Any:
        """Carry one command out, after some user came."""
        if not (self.draining or self.forgotten):
            if self.stopped:
                self.turned_away += 1
            else:
                self.ends.append(self.now + self.lengths_s[len(self.ends) % len(self.lengths_s)])
        self.ends = [end for end in self.ends if end > self.now]
        if word == "wait":
            self.now += number
        elif word == "in flight":
            return 0 if self.forgotten else len(self.ends)
        elif word == "drain":
            self.draining = True
        elif word == "forget":
            self.forgotten = True
        elif word == "stop" and not self.stopped:
            self.stopped, self.lost, self.ends = True, self.lost + len(self.ends), []
        return None


def run(leave: Leave, do: Callable[[str, float], Any], stop_after: int | None = None) -> list[str]:
    """The learner's steps, each by *do*; the words that were said. Raises Wrong if they are none or go on for ever."""
    steps: Any = leave()
    if not inspect.isgenerator(steps):
        look = 'write `yield "drain"` for a command; `count = yield "in flight"` gives you its answer'
        raise Wrong(repr(steps)[:80], given="leave()", expected="a generator", look=look)
    if "sleep" in steps.gi_code.co_names:
        look = 'time here is virtual: `yield "wait", 0.5`'
        raise Wrong("a call of sleep", given="leave()", expected="commands only", look=look)
    said: list[str] = []
    answer: Any = None
    waited_s, at_once = 0.0, 0
    while waited_s <= ALL_WAITS_S and at_once < MOST_AT_ONCE and len(said) < MOST_STEPS:
        if stop_after is not None and len(said) == stop_after:
            steps.close()
            return said
        try:
            word, number = _command(steps.send(answer))
        except StopIteration:
            return said
        said.append(word)
        waited_s, at_once = waited_s + number, 0 if word == "wait" else at_once + 1
        answer = do(word, number)
    look = "drain first, or it is never empty"
    if at_once >= MOST_AT_ONCE:
        look = 'no time passes: between two questions "in flight" must be a ("wait", seconds)'
    elif waited_s <= ALL_WAITS_S:
        look = "so many questions are a load of their own: a tenth of a second between two is enough"
    raise Wrong(f"{len(said)} commands, {waited_s:.0f} s and no end", expected="an end", look=look)


def _command(step: Any) -> tuple[str, float]:
    """A step as its word and its number."""
    word, number = step if isinstance(step, tuple) and len(step) == 2 else (step, 0.0)
    if word not in WORDS:
        raise Wrong(repr(step), expected=f"one of {', '.join(WORDS)}", look='waiting is ("wait", seconds)')
    if word == "wait" and not 0 < number <= LONGEST_S:
        raise Wrong(repr(step), expected=f"a wait above 0, at most {LONGEST_S:g} s")
    return word, float(number)


def harmless(machine: Machine, said: list[str], given: str, longest: float = max(LENGTHS_S)) -> None:
    """Raises Wrong if a user was harmed, or the machine is still there; *longest*: seconds of the longest request."""
    if machine.lost:
        look = f'stop only when "in flight" answers 0 after "drain"; somebody\'s request takes {longest:g} s'
        if longest > max(LENGTHS_S):
            look += ". No limit here; in production one above the longest request"
        if (
            "forget" in said
            and said.index("forget") < said.index("stop")
            and "in flight" in said[said.index("forget") :]
        ):
            look = "once forgotten, the balancer counts nothing on it any more: 0 does not mean empty. Forget it later"
        raise Wrong(f"{machine.lost} users lost their answer", given=given, expected="nobody does", look=look)
    if machine.turned_away:
        look = "the balancer still sends there: drain first"
        raise Wrong(f"{machine.turned_away} users found nobody", given=given, expected="nobody does", look=look)
    for done, word, look in (
        (machine.stopped, "stop", "it is paid as long as it runs"),
        (machine.forgotten, "forget", "the balancer would check its health for ever"),
    ):
        if not done:
            raise Wrong(f"no {word!r}", given=given, expected=f"{word} at the end", look=look)


def quiet(leave: Leave) -> str:
    """A machine with three requests on it leaves, and users come all the time."""
    machine = Machine()
    said = run(leave, machine.do)
    harmless(machine, said, "three requests on it (1, 4 and 40 s), and users before every command")
    return f"gone after {machine.now:.0f} s, nobody lost"


def long_ones(leave: Leave) -> str:
    """However long somebody's request takes."""
    for longest in (0.2, 15.0, 70.0, 300.0):
        machine = Machine((0.1, longest))
        said = run(leave, machine.do)
        harmless(machine, said, f"a request that takes {longest:g} s", longest)
        if machine.now > longest + 60:
            look = "ask in between: an empty machine costs money for nothing"
            raise Wrong(
                f"{machine.now:.0f} s", given=f"a request of {longest:g} s", expected="soon after it", look=look
            )
    return "requests of 0.2 to 300 s"


def started_again(leave: Leave) -> str:
    """The program dies after any of its commands, and starts from the beginning; of a long poll, after some."""
    whole = len(run(leave, Machine().do))
    every = max(1, whole // DEATHS)
    deaths = [at for at in range(1, whole) if at <= DEATHS or at >= whole - DEATHS or at % every == 0]
    for stop_after in deaths:
        machine = Machine()
        said = run(leave, machine.do, stop_after)
        said += run(leave, machine.do)
        harmless(machine, said, f"your program dies after {stop_after} commands and starts again")
    return f"{len(deaths)} deaths"


def live(leave: Leave) -> str:
    """A backend of the live balancer leaves under load; "stop" is SIGKILL."""
    from minisys.load_balancing.live import cluster
    from minisys.testbed.load import load
    from minisys.testbed.nodes import ask
    from minisys.testbed.workload import Deterministic, Poisson, workload

    offered = workload(240, arrivals=Poisson(120.0), work=Deterministic(0.25), seed=9)
    with cluster("round robin", backends=2, workers=60, retries=0, health=None) as shop:

        def do(word: str, number: float) -> Any:
            rows = {row["name"]: row for row in shop.backends()}
            if word == "wait":
                time.sleep(min(number, 0.1))
            elif word == "in flight":
                return rows["b"]["in_flight"] if "b" in rows else 0
            elif word == "drain" and "b" in rows:
                shop.drain("b")
            elif word == "forget" and "b" in rows:
                ask("DELETE", f"{shop.admin_url}/backends/b?patience_s=0")
            elif word == "stop":
                shop.kill("b")
            return None

        hand = threading.Thread(target=run, args=(leave, do))
        seen = load(shop.url, offered, at=[(0.6, hand.start)], progress=False, warn=False)
        hand.join()
        left = [row["name"] for row in json.loads(ask("GET", f"{shop.admin_url}/backends"))]
    failed = len(seen) - seen.count("ok")
    if failed or left != ["a"]:
        raise Wrong(
            f"{failed} requests failed, backends {left}", given="240 requests", expected="0 failed, only a left"
        )
    return "240 requests through sockets, a backend taken away by SIGKILL: 0 failed"


LEAVING = (
    Check("a busy machine leaves, and nobody is lost", quiet),
    Check("however long a request takes", long_ones, 10.0, after_others=True),
    Check("your program dies at any step and is started again", started_again, 10.0, after_others=True),
    Check("live: a backend leaves under load", live, 40.0, after_others=True),
)
