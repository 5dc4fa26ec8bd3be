"""Answers to lab 10: wrong ones that a learner may well write, and right ones written another way, which must pass."""

from __future__ import annotations

import random
from dataclasses import replace

from minisys.resilience import experiments
from minisys.resilience.breaker import Breaker
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.fallback import LastGood
from minisys.resilience.retries import Backoff, RatioBudget, Retries, TokenBudget
from minisys.resilience.shedding import CoDel, QueueLimit

# Task 1 --------------------------------------------------------------------------------------------------------------


def most(attempt, base_s, cap_s):
    return min(cap_s, base_s * 2.0 ** min(attempt, 60))


def no_jitter(attempt, base_s, cap_s, rng):
    return most(attempt, base_s, cap_s)


def on_top(attempt, base_s, cap_s, rng):
    return min(cap_s, most(attempt, base_s, cap_s) + rng.uniform(0, most(attempt, base_s, cap_s)))


def equal(attempt, base_s, cap_s, rng):
    return most(attempt, base_s, cap_s) / 2 + rng.uniform(0, most(attempt, base_s, cap_s) / 2)


def one_later(attempt, base_s, cap_s, rng):
    return rng.uniform(0, most(attempt + 1, base_s, cap_s))


def no_cap(attempt, base_s, cap_s, rng):
    return rng.uniform(0, base_s * 2.0 ** min(attempt, 60))


def cap_last(attempt, base_s, cap_s, rng):
    return min(cap_s, rng.uniform(0, base_s * 2.0 ** min(attempt, 60)))


def overflows(attempt, base_s, cap_s, rng):
    return rng.uniform(0, min(cap_s, base_s * 2.0**attempt))


def own_random(attempt, base_s, cap_s, rng):
    return most(attempt, base_s, cap_s) * (0.0 if rng.random() < 0 else random.Random(1).random())


def no_return(*_):
    return None


def with_random(attempt, base_s, cap_s, rng):  # right
    while attempt > 0 and base_s < cap_s:
        base_s, attempt = 2 * base_s, attempt - 1
    return min(base_s, cap_s) * rng.random()


# Task 2 --------------------------------------------------------------------------------------------------------------


class Tokens:  # right: in thousandths, so that ten tenths are one
    def __init__(self, ratio, most):
        self.gain, self.most, self.left = round(ratio * 1000), most * 1000, 0

    def request(self):
        self.left = min(self.most, self.left + self.gain)

    def spend(self, error="timeout"):
        paid = self.left >= 1000
        self.left -= 1000 * paid
        return paid

    def success(self, error=None):
        pass


class Exact(Tokens):
    def __init__(self, ratio, most):
        self.gain, self.most, self.left = ratio, most, 0.0

    def spend(self, error="timeout"):
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Hoards(Tokens):
    def request(self):
        self.left += self.gain


class Full(Tokens):
    def __init__(self, ratio, most):
        super().__init__(ratio, most)
        self.left = self.most


class FullAndExact(Exact):
    def __init__(self, ratio, most):
        super().__init__(ratio, most)
        self.left = most


class Free(Tokens):
    def spend(self, error="timeout"):
        return self.left >= 1000


class Debts(Tokens):
    def spend(self, error="timeout"):
        self.left -= 1000
        return self.left >= 0


class Shared(Tokens):
    purse = [0]

    def request(self):
        self.purse[0] = min(self.most, self.purse[0] + self.gain)

    def spend(self, error="timeout"):
        paid = self.purse[0] >= 1000
        self.purse[0] -= 1000 * paid
        return paid

    def __init__(self, ratio, most):
        super().__init__(ratio, most)
        if (ratio, most) != (0.5, 10.0):
            self.purse = [0]


class Silent(Tokens):
    def spend(self, error="timeout"):
        if self.left >= 1000:
            self.left -= 1000
            return True
        return None


# Task 3 --------------------------------------------------------------------------------------------------------------


class Fuse:
    """Right; each subclass breaks one rule."""

    def __init__(self, failures, open_s):
        self.failures, self.open_s = failures, open_s
        self.until, self.probing, self.bad = None, False, 0

    def allow(self, now_s):
        if self.until is None:
            return True
        if self.probing or now_s < self.until:
            return False
        self.probing = True
        return True

    def record(self, ok, now_s):
        if self.until is not None and not self.probing:
            return
        self.bad = 0 if ok else self.bad + 1
        if ok:
            self.until, self.probing = None, False
        elif self.probing or self.bad >= self.failures:
            self.until, self.probing, self.bad = now_s + self.open_s, False, 0


class InAll(Fuse):
    def record(self, ok, now_s):
        if not ok or self.probing:
            super().record(ok, now_s)


class Herd(Fuse):
    def allow(self, now_s):
        return self.until is None or now_s >= self.until or self.probing


class NeverAgain(Fuse):
    def allow(self, now_s):
        return self.until is None


class Reopens(Fuse):
    def record(self, ok, now_s):
        if not ok and self.until is not None and not self.probing:
            self.until = now_s + self.open_s
        super().record(ok, now_s)


class LateSuccess(Fuse):
    def record(self, ok, now_s):
        if ok:
            self.until, self.probing, self.bad = None, False, 0
        else:
            super().record(ok, now_s)


class Lenient(Fuse):
    def record(self, ok, now_s):
        if self.probing and not ok:
            self.probing = False
            return
        super().record(ok, now_s)


class Dirty(Fuse):
    def record(self, ok, now_s):
        probed = self.probing
        super().record(ok, now_s)
        if probed and ok:
            self.bad = self.failures - 1


# Task 4 --------------------------------------------------------------------------------------------------------------


def always(free, queued, workers, work_s, left_s):
    return True


def fixed(free, queued, workers, work_s, left_s):
    return queued < 5 and left_s > work_s


def never_waits(free, queued, workers, work_s, left_s):
    return free > 0 and work_s < left_s


def forgets_its_own(free, queued, workers, work_s, left_s):
    return queued * work_s / workers < left_s


def one_worker(free, queued, workers, work_s, left_s):
    return free > 0 and work_s < left_s or (queued + 1) * work_s < left_s


def on_the_edge(free, queued, workers, work_s, left_s):
    return (0.0 if free else (queued + 1) * work_s / workers) + work_s <= left_s


def half(free, queued, workers, work_s, left_s):  # right
    return work_s * (1 + queued / workers) <= min(0.75 * left_s, left_s - 0.03)


# Task 5 --------------------------------------------------------------------------------------------------------------


def unchanged(chain):
    return chain


def cured(chain):
    return experiments.chain(cured=True)


def callers(chain, *made):
    return replace(chain, callers=made)


def jittered(chain):
    retries = [each.retries and Retries(each.retries.attempts, Backoff(0.05, 0.5)) for each in chain.callers]
    return callers(chain, *(replace(each, retries=new) for each, new in zip(chain.callers, retries, strict=True)))


def only_deadlines(chain):
    return callers(chain, *(replace(each, deadline=True) for each in chain.callers))


def open_too_long(chain):
    return callers(chain, *(replace(each, breaker=Breaker(5, 5.0)) for each in jittered(chain).callers))


def without_retries(chain):
    return callers(cured(chain), *(replace(each, retries=None) for each in cured(chain).callers))


def impatient(chain):
    *others, last = cured(chain).callers
    return callers(cured(chain), *others, replace(last, timeout_s=0.1))


def shielded(chain, protection):
    return replace(chain, services=(*chain.services[:-1], replace(chain.services[-1], protection=protection)))


def only_a_limit(chain):
    return shielded(chain, Protection(queue_limit=QueueLimit(8)))


def only_a_breaker(chain):
    first, second, last = (replace(each, retries=None) for each in chain.callers)
    return callers(chain, first, second, replace(last, breaker=Breaker(3, 0.5)))


def more_workers(chain):
    return replace(chain, services=(*chain.services[:-1], replace(chain.services[-1], workers=9)))


def more_patience(chain):
    return replace(cured(chain), patience_s=5.0)


def no_chain(chain):
    return None


def excuses(chain):
    first, *others = cured(chain).callers
    return callers(cured(chain), replace(first, fallback=LastGood(60.0)), *others)


class MyBudget(RatioBudget):
    """Known to this process only."""


def of_my_own(chain):
    *others, last = cured(chain).callers
    return callers(cured(chain), *others, replace(last, retries=Retries(3, Backoff(0.05, 0.5), MyBudget(0.1))))


def with_codel(chain):  # right
    return shielded(cured(chain), Protection(codel=CoDel(0.05, 0.2)))


def with_tokens(chain):  # right
    patient = Defences(timeout_s=1.0, deadline=True)
    retries = Retries(2, Backoff(0.05, 0.5), TokenBudget(20, 5, 1))
    return callers(cured(chain), patient, patient, Defences(timeout_s=0.5, deadline=True, retries=retries))
