"""Lab 10, task 2: a retry budget by ratio: counted by hand, against ours, and in a chain whose last service is dead."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.resilience import experiments, model
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.defences import Defences
from minisys.resilience.retries import Budget, RatioBudget, Retries
from minisys.testbed.laws import Exponential

Make = Callable[[float, float], Budget]
EMPTY = "nobody has asked yet: a new budget is empty"
SHARED = "tokens in the class body belong to all budgets: make them in __init__ (self.tokens = …)"


def spent(budget: Budget, given: str) -> bool:
    """Whether the learner's budget pays. Raises Wrong unless it says True or False."""
    came: Any = budget.spend()
    if not isinstance(came, bool):
        look = "is there a `return` on every way through spend?" if came is None else "return True or False"
        raise Wrong(repr(came), given=given, expected="True or False", look=look)
    return came


def times(count: int) -> str:
    """So many times, in words."""
    return "once" if count == 1 else f"{count} times"


def asks(budget: Budget, requests: int, retries: int, given: str) -> int:
    """So many requests, then so many times spend(); how often it paid."""
    for _ in range(requests):
        budget.request()
    return sum(spent(budget, given) for _ in range(retries))


def one_in_ten(make: Make) -> str:
    """A tenth of the requests, no more and no less."""
    for ratio, requests, expected in ((0.1, 0, 0), (0.1, 9, 0), (0.1, 10, 1), (0.1, 35, 3), (0.25, 8, 2), (0.0, 50, 0)):
        given = f"ratio {ratio:g}, most 10: {requests} requests, then spend() five times"
        came = asks(make(ratio, 10.0), requests, 5, given)
        if came != expected:
            look = "each request puts ratio of a token in, each retry that is paid takes a whole one out"
            if (requests, came) == (10, 0) and pays_later(make):
                look = "ten times 0.1 is 0.9999999999999999 in floating point: compare with a little less than 1"
            elif requests == 0:
                look = EMPTY if starts_full(make) else SHARED
            elif came == 5:
                look = "a retry that is paid takes a whole token out"
            raise Wrong(f"True {times(came)}", given=given, expected=f"True {times(expected)}", look=look)
    return "one retry for ten requests"


def starts_full(make: Make) -> bool:
    """Whether a new budget pays by itself: not from what others, now emptied, have left in a purse of all."""
    asks(make(0.5, 10.0), 0, 1_000, "a new budget: spend() until it refuses")
    return spent(make(0.5, 10.0), "a new budget: spend()")


def pays_later(make: Make) -> bool:
    """Whether an eleventh request pays for what ten did not: it does the sums, and ten tenths are not one to it."""
    return asks(make(0.1, 10.0), 11, 1, "ratio 0.1, most 10: 11 requests, then spend() once") == 1


def not_saved_for_ever(make: Make) -> str:
    """A quiet night pays for no storm; and no debts."""
    given = "ratio 0.1, most 10: 100,000 requests, then spend() 1000 times"
    came = asks(make(0.1, 10.0), 100_000, 1_000, given)
    if came > 10:
        look = "a good night would pay for a storm of ten thousand retries: keep at most `most` tokens"
        raise Wrong(f"True {times(came)}", given=given, expected="True 10 times", look=look)
    if came < 10:
        look = "tokens that fit must be kept: min(most, tokens + ratio)"
        raise Wrong(f"True {times(came)}", given=given, expected="True 10 times", look=look)
    given = "ratio 0.1, most 10: spend() 100 times, then 11 requests, then spend() once"
    budget = make(0.1, 10.0)
    asks(budget, 0, 100, given)
    if asks(budget, 11, 1, given) != 1:  # 11: that ten tenths are not one is another check's business
        look = "a spend() that is refused takes nothing out"
        raise Wrong("False", given=given, expected="True", look=look)
    return "at most ten are kept, and there are no debts"


def its_own(make: Make) -> str:
    """Two budgets know nothing of each other; one that is full from the start is another fault."""
    if starts_full(make):
        raise Wrong("True", given="one new budget, ratio 0.5, alone: spend()", expected="False", look=EMPTY)
    first, second = make(0.5, 10.0), make(0.5, 10.0)
    for _ in range(10):
        first.request()
    if spent(second, "two budgets: ten requests of the first, then spend() of the second"):
        raise Wrong("True", given="two budgets: ten requests of the first, then spend() of the second",
                    expected="False", look=SHARED)  # fmt: skip
    return "two clients, two budgets"


def as_ours(make: Make) -> str:
    """Ten thousand requests and retries in any order: word for word ours."""
    rng = random.Random("lab 10 task 2")
    for ratio, most in ((0.1, 10.0), (0.2, 3.0), (0.05, 100.0)):
        ours, theirs = RatioBudget(ratio, 0.0, most), make(ratio, most)
        for step in range(3_000):
            if rng.random() < 0.8:
                ours.request()
                theirs.request()
                continue
            expected, given = ours.spend(), f"ratio {ratio:g}, most {most:g}: step {step} of a random order"
            came = spent(theirs, given)
            if came != expected:
                raise Wrong(came, given=given, expected=expected, look=f"ours holds {ours.tokens:.2f} tokens then")
    return "9,000 steps"


def in_a_chain(make: Make) -> str:
    """In front of a service that fails always: calls stay near 1.1 times the users."""
    services = Service("shop", 50, Exponential(0.002)), Service("database", 50, Exponential(0.002))
    callers = Defences(), Defences(retries=Retries(4, None, make(0.1, 10.0)))
    users = experiments.offered(10.0, 50.0, seed=10)
    run = model.simulate(Chain(services, callers), users, (Trouble("database", 2.0, 8.0, fails=1.0),))
    calls = float(run.amplification[-1])
    if calls > 1.12:
        look = "with the database dead, nine of ten retries must not be made"
        raise Wrong(f"{calls:.2f} calls per user", given="500 users, four tries, the database fails from 2 s on",
                    expected="at most 1.12", look=look)  # fmt: skip
    return f"500 users, a dead database: {calls:.2f} calls each instead of {0.2 + 0.8 * 4:.1f}"


BUDGET = (
    Check("one retry for ten requests", one_in_ten),
    Check("a quiet night pays for no storm", not_saved_for_ever),
    Check("each client has its own", its_own),
    Check("any order: the reference's answers", as_ours, after_others=True),
    Check("in a chain: a dead database is not asked four times", in_a_chain, 20.0, after_others=True),
)
