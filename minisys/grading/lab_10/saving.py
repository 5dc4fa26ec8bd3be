"""Lab 10, task 5: the learner's chain under troubles that they have not seen, in the model and then with processes.

Anything goes at callers' and servers' defences; workers, work and users' patience stay as they are. Nothing is compared
with a list: what counts is how many users are answered in time, before, after, and when a service only stumbles.
What the learner sees of it before the check is in showing.py.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from random import Random
from typing import Any

from IPython.utils.capture import capture_output

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.resilience import experiments, live, model
from minisys.resilience.chain import Chain, Trouble
from minisys.resilience.run import Run

Save = Callable[[Chain], Chain]
LENGTH_S, BEFORE_S = 8.0, 1.5
AFTER, BEFORE, STUMBLE, MOST_CALLS = 0.95, 0.98, 0.85, 1.3
SHOWN, UNSEEN, CALM, LIVE = (49, 21), (1, 11, 12, 13), (41, 42), 14
NOBODYS = "its defences and protections may change, nothing else"


def given() -> Chain:
    """The chain that is to be saved: shop, orders, database, called as most of us do."""
    return experiments.chain(cured=False)


def trouble(seed: int) -> Trouble:
    """The trouble of plan *seed*: the database or orders gets slow for a second or so."""
    draw = Random(f"lab 10 task 5 {seed}")
    service, for_s = draw.choice(("database", "database", "orders")), draw.uniform(0.8, 1.5)
    slow = draw.uniform(8.0, 14.0) if service == "database" else draw.uniform(400.0, 600.0)
    return Trouble(service, BEFORE_S, for_s, slow=slow)


def percent(share: float) -> str:
    """A share in words, as everywhere in this lab."""
    return f"{100 * share:.0f} %"


def told(each: Trouble) -> str:
    """A trouble in words."""
    return f"{each.service} {each.slow:.0f} times as slow for {each.for_s:.1f} s"


def saved(save: Save) -> Chain:
    """The learner's chain. Raises Wrong if it is none, or more than defences were changed."""
    before, chain = given(), save(given())
    if not isinstance(chain, Chain):
        look = "is there a `return`? dataclasses.replace(chain, callers=…, services=…) makes a new one"
        raise Wrong(type(chain).__name__, given="save(chain)", expected="a Chain", look=look)
    if len(chain.services) != len(before.services):
        raise Wrong(f"{len(chain.services)} services", expected=f"{len(before.services)}", look=NOBODYS)
    for old, new in zip(before.services, chain.services, strict=True):
        for name in (field.name for field in fields(old) if field.name != "protection"):
            if getattr(old, name) != getattr(new, name):
                raise Wrong(f"{old.name}.{name} = {getattr(new, name)}", expected=f"{getattr(old, name)}", look=NOBODYS)
    if (chain.patience_s, chain.net_s) != (before.patience_s, before.net_s):
        raise Wrong(f"patience_s = {chain.patience_s:g}", expected=f"{before.patience_s:g}",
                    look="users are as patient as they are")  # fmt: skip
    if any(each.fallback is not None for each in chain.callers):
        raise Wrong("a fallback", expected="answers", look="users came for the answer; a worse one does not count here")
    return chain


def playable(save: Save) -> Chain:
    """The learner's chain for the checks after the first, which has said what is wrong with it if anything is."""
    try:
        return saved(save)
    except NotImplementedError:
        raise
    except Exception:
        raise NotRun("waits for a chain in which only defences changed") from None


def same_chain(save: Save) -> str:
    """Only defences changed, and other processes know them."""
    chain = saved(save)
    strangers = sorted({type(each).__module__ for each in _parts(chain)} - {"builtins"})
    foreign = [name for name in strangers if not name.startswith("minisys.")]
    if foreign:
        look = "services are processes of their own and do not know this notebook's classes: use minisys.resilience's"
        raise Wrong(f"a policy from {foreign[0]}", given="save(chain)", expected="policies of ours", look=look)
    pickle.dumps(chain)
    return "defences only"


def _parts(chain: Chain) -> list[Any]:
    """Every policy in the chain, and what those are made of."""
    found: list[Any] = [*chain.callers, *(each.protection for each in chain.services)]
    for each in found:
        values = vars(each).values() if hasattr(each, "__dict__") else (getattr(each, n, None) for n in slots(each))
        found += [value for value in values if hasattr(value, "__module__") and not isinstance(value, type)]
    return found


def slots(thing: object) -> tuple[str, ...]:
    """The names of what *thing* holds, if it holds it in slots."""
    return tuple(getattr(type(thing), "__slots__", ()))


@lru_cache(maxsize=64)
def run(save: Save, seed: int) -> Run:
    """The learner's chain in the model, under plan *seed*."""
    return model.simulate(playable(save), experiments.offered(LENGTH_S, seed=seed), (trouble(seed),), seed=seed)


def after(measured: Run | live.Measured, each: Trouble) -> float:
    """Goodput from a second after the trouble's end on."""
    return measured.goodput(each.at_s + each.for_s + experiments.SETTLE_S)


def before(save: Save) -> str:
    """Without trouble, defences must not be noticed."""
    chain = playable(save)
    shares = [model.simulate(chain, experiments.offered(LENGTH_S, seed=seed), seed=seed).goodput() for seed in CALM]
    mean = sum(shares) / len(shares)
    if mean < BEFORE:
        look = "a defence that hurts on a calm day: a timeout too short for good answers, a line too short for chance"
        raise Wrong(
            f"{percent(mean)} in time", given="two runs without any trouble", expected="at least 98 %", look=look
        )
    return f"{percent(mean)} in time"


def recovers(save: Save) -> str:
    """After each unseen trouble, users are answered again."""
    worst = 1.0
    for seed in UNSEEN:
        each, share = trouble(seed), after(run(save, seed), trouble(seed))
        worst = min(worst, share)
        if share < AFTER:
            raise Wrong(
                f"{percent(share)} in time", given=f"{told(each)}; users from 1 s after its end on",
                expected="at least 95 %", look=_look(playable(save), float(run(save, seed).amplification[-1])),
            )  # fmt: skip
    return f"at worst {percent(worst)} in time afterwards"


def _look(chain: Chain, calls: float) -> str:
    """Why users are not answered after a trouble, by how often the database was asked per user."""
    if calls > MOST_CALLS:
        return f"{calls:.1f} database calls per user: who asks again, at which layers, who pays?"
    if calls < 1 and any(each.breaker is not None for each in chain.callers):
        return f"{calls:.1f} database calls per user: your own breaker keeps them out: how long is it open?"
    return "what is in the database's line when the trouble ends, and does anybody still wait for it?"


def sparing(save: Save) -> str:
    """The database is not asked much more often than users ask."""
    most = max(float(run(save, seed).amplification[-1]) for seed in UNSEEN)
    if most > MOST_CALLS:
        look = "retries at several layers multiply; without a budget they come when they hurt most"
        raise Wrong(f"{most:.2f} database calls per user", given="the worst of four troubles",
                    expected="at most 1.3", look=look)  # fmt: skip
    return f"at most {most:.2f} database calls per user"


def stumbles(save: Save) -> str:
    """When the database fails one in six, a retry saves most of them."""
    chain = playable(save)
    shaky = replace(chain, services=(*chain.services[:-1], replace(chain.services[-1], fails=1 / 6)))
    shares = [model.simulate(shaky, experiments.offered(12.0, seed=seed), seed=seed).goodput() for seed in (31, 32)]
    mean = sum(shares) / len(shares)
    if mean < STUMBLE:
        look = "5 of 6 answers are good without any retry: a few retries, paid from a budget, do better"
        if mean < 0.7:
            look = "worse than without any defence: does a breaker open although most answers are good?"
        raise Wrong(f"{percent(mean)} in time", given="a database that fails one request in six",
                    expected="at least 85 %", look=look)  # fmt: skip
    return f"one in six fails: {percent(mean)} in time"


def with_processes(save: Save) -> str:
    """The same with processes and sockets, under one more plan."""
    each, chain = trouble(LIVE), playable(save)
    with capture_output(stdout=False):  # a generator that was late says so itself; only if it matters do we, below
        measured = live.run(chain, experiments.offered(6.0, seed=LIVE), (each,), seed=LIVE)
    share = after(measured, each)
    if share < AFTER:
        look = "it does well in the model; is anything else busy on this machine? Run the check again"
        if not measured.trace.frame.attrs["generator"]["kept_up"]:
            look = "this machine was too busy even to send the requests in time: close other programs, run it again"
        came = "less than half" if share < 0.5 else "more than half, but less than 95 %,"
        raise Wrong(f"{came} in time", given=f"real processes, {told(each)}", expected="at least 95 %", look=look)
    return "real processes, simulated users: at least 95 % in time afterwards"


SAVED = (
    Check("only defences changed", same_chain),
    Check("calm: nobody notices the defences", before, 30.0),
    Check("unseen troubles: users are answered again", recovers, 30.0),
    Check("unseen troubles: the database is spared", sparing, 30.0),
    Check("a database that stumbles", stumbles, 30.0),
    Check("live: real processes, one more trouble", with_processes, 60.0, after_others=True),
)
