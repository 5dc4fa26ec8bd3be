"""Lab 10, task 5: the learner's chain under troubles that they have not seen, in the model and then with processes.

Anything goes at callers' and servers' defences; workers, work and users' patience stay as they are. Nothing is compared
with a list: what counts is how many users are answered in time, before, after, and when a service only stumbles.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from random import Random
from typing import Any

import pandas as pd

from minisys.grading.checks import Check, Wrong
from minisys.resilience import experiments, live, model
from minisys.resilience.chain import Chain, Trouble
from minisys.resilience.run import Run
from minisys.testbed.tables import Table, table

Save = Callable[[Chain], Chain]
LENGTH_S, BEFORE_S = 8.0, 1.5
AFTER, BEFORE, STUMBLE, MOST_CALLS = 0.95, 0.98, 0.85, 1.3
SHOWN, UNSEEN, CALM, LIVE = (0, 21), (1, 11, 12, 13), (41, 42), 14
NOBODYS = "its defences and protections may change, nothing else"


def given() -> Chain:
    """The chain that is to be saved: shop, orders, database, called as most of us do."""
    return experiments.chain(cured=False)


def described(chain: Chain) -> Table:
    """Who calls whom, and how: a row for each service and its caller."""
    names = ["users' app", *(each.name for each in chain.services)]
    rows = [
        (
            f"{caller} calls {service.name}", defences.timeout_s, 1 if defences.retries is None else
            defences.retries.attempts, "yes" if defences.deadline else "no", service.workers,
        )
        for caller, defences, service in zip(names, chain.callers, chain.services, strict=False)
    ]  # fmt: skip
    columns = ["call", "timeout_s", "tries", "deadline sent", "workers there"]
    return table(pd.DataFrame(rows, columns=columns), caption="The chain, and how each calls the next")


def trouble(seed: int) -> Trouble:
    """The trouble of plan *seed*: the database or orders gets slow, or the database fails, for a second or so."""
    draw = Random(f"lab 10 task 5 {seed}")
    service, for_s = draw.choice(("database", "database", "orders")), draw.uniform(0.8, 1.5)
    slow = draw.uniform(8.0, 14.0) if service == "database" else draw.uniform(150.0, 250.0)
    return Trouble(service, BEFORE_S, for_s, slow=slow)


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
    return model.simulate(saved(save), experiments.offered(LENGTH_S, seed=seed), (trouble(seed),), seed=seed)


def after(measured: Run | live.Measured, each: Trouble) -> float:
    """Goodput from a second after the trouble's end on."""
    return measured.goodput(each.at_s + each.for_s + experiments.SETTLE_S)


def before(save: Save) -> str:
    """Without trouble, defences must not be noticed."""
    chain = saved(save)
    shares = [model.simulate(chain, experiments.offered(LENGTH_S, seed=seed), seed=seed).goodput() for seed in CALM]
    mean = sum(shares) / len(shares)
    if mean < BEFORE:
        look = "a defence that hurts on a calm day: a timeout too short for good answers, a line too short for chance"
        raise Wrong(f"{mean:.0%} in time", given="two runs without any trouble", expected="at least 98 %", look=look)
    return f"{mean:.1%} in time"


def recovers(save: Save) -> str:
    """After each unseen trouble, users are answered again."""
    worst = 1.0
    for seed in UNSEEN:
        each, share = trouble(seed), after(run(save, seed), trouble(seed))
        worst = min(worst, share)
        if share < AFTER:
            calls = run(save, seed).amplification[-1]
            look = "what is in the database's line when the trouble ends, and does anybody still wait for it?"
            if calls > MOST_CALLS:
                look = f"{calls:.1f} calls of the database for each user: who asks again, at which layers, who pays?"
            raise Wrong(
                f"{share:.0%} in time", given=f"{told(each)}; users from 1 s after its end on",
                expected="at least 95 %", look=look,
            )  # fmt: skip
    return f"at worst {worst:.0%} in time afterwards"


def sparing(save: Save) -> str:
    """The database is not asked much more often than users ask."""
    most = max(float(run(save, seed).amplification[-1]) for seed in UNSEEN)
    if most > MOST_CALLS:
        look = "retries at several layers multiply; without a budget they come when they hurt most"
        raise Wrong(f"{most:.2f} calls of the database for each user", given="the worst of four troubles",
                    expected="at most 1.3", look=look)  # fmt: skip
    return f"at most {most:.2f} calls of the database for each user"


def stumbles(save: Save) -> str:
    """When the database fails one in six, a retry saves most of them."""
    chain = saved(save)
    shaky = replace(chain, services=(*chain.services[:-1], replace(chain.services[-1], fails=1 / 6)))
    shares = [model.simulate(shaky, experiments.offered(12.0, seed=seed), seed=seed).goodput() for seed in (31, 32)]
    mean = sum(shares) / len(shares)
    if mean < STUMBLE:
        look = "5 of 6 answers are good without any retry: a few retries, paid from a budget, do better"
        if mean < 0.7:
            look = "worse than without any defence: does a breaker open although most answers are good?"
        raise Wrong(f"{mean:.0%} in time", given="a database that fails one request in six", expected="at least 85 %",
                    look=look)  # fmt: skip
    return f"one in six fails: {mean:.0%} in time"


def with_processes(save: Save) -> str:
    """The same with processes and sockets, under one more plan."""
    each = trouble(LIVE)
    measured = live.run(saved(save), experiments.offered(6.0, seed=LIVE), (each,), seed=LIVE)
    if after(measured, each) < AFTER:
        look = "it does well in the model; is anything else busy on this machine? Run the check again"
        raise Wrong(
            "less than 95 % in time", given=f"real processes, {told(each)}", expected="at least 95 %", look=look
        )
    return "real processes: users are answered again"


def beside(save: Save) -> Table:
    """The learner's chain beside the one that was given, under two plans that are shown; drawn, not judged."""
    rows = []
    for seed in SHOWN:
        for name, made in (("given", lambda chain: chain), ("yours", save)):
            got, each = run(made, seed), trouble(seed)
            shares = [f"{100 * share:.0f} %" for share in (got.goodput(0, each.at_s), after(got, each))]
            rows.append((told(each), name, *shares, f"{got.amplification[-1]:.2f}"))
    columns = ["trouble", "chain", "in time before", "in time after", "calls of the database a user"]
    return table(pd.DataFrame(rows, columns=columns), caption="Two of the troubles (simulated)")


SAVED = (
    Check("only defences changed", same_chain),
    Check("calm: nobody notices the defences", before, 30.0),
    Check("unseen troubles: users are answered again", recovers, 30.0),
    Check("unseen troubles: the database is spared", sparing, 30.0),
    Check("a database that stumbles", stumbles, 30.0),
    Check("live: real processes, one more trouble", with_processes, 60.0, after_others=True),
)
