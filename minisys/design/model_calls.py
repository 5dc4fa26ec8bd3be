"""The caller's side of the model: which calls a visit makes, to which copy, for how long, and whether it asks again."""

from __future__ import annotations

from minisys.design.draws import JITTER, SHARE, luck, mix
from minisys.design.flat import BALANCER, CACHE, CLIENTS, DNS, EDGE, MISSES, READS, WRITES
from minisys.design.model_caches import answered_caller
from minisys.design.model_choice import pick, route, user_place, way_s
from minisys.design.model_state import CALLING, Ask, Visit, World
from minisys.load_balancing.policies import record_latency
from minisys.resilience.retries import Backoff
from minisys.testbed.simulation import CODES

OK, REFUSED, FAILED, TIMEOUT = (CODES[word] for word in ("ok", "refused", "failed", "timeout"))
PASSES_ON = (CLIENTS, DNS, EDGE, BALANCER, CACHE)  # their caller sees what they saw; a service says "failed"
BACKOFF_CAP_S = 10.0


class Luck:
    """A draw in the shape of a generator, for policies that ask one for a number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def uniform(self, low: float, high: float) -> float:
        """The number between *low* and *high* that the draw stands for."""
        return low + (high - low) * self.value


def proceed(world: World, visit: Visit) -> None:
    """Make the next calls of *visit*; when there are none left it has ended well."""
    end = world.part["arrow"][visit.part] + world.part["arrows"][visit.part]
    together = world.arrow["together"]
    while visit.next < end:
        first = visit.next
        if world.part["kind"][visit.part] == DNS:
            visit.next = end
            ask(world, visit, route(world, visit, first, end), 0)
        else:
            visit.next = first + 1
            while visit.next < end and together[visit.next]:
                visit.next += 1
            for arrow in range(first, visit.next):
                if taken(world, visit, arrow):
                    for k in range(world.arrow["times"][arrow]):
                        ask(world, visit, arrow, k)
        if visit.pending:
            return
    world.finish(world, visit, OK)


def taken(world: World, visit: Visit, arrow: int) -> bool:
    """Whether *visit* takes *arrow*: by what it is, by what the cache said, by its share."""
    on, write = world.arrow["on"][arrow], world.request["write"][visit.request]
    if (on == READS and write) or (on == WRITES and not write) or (on == MISSES and not visit.missed):
        return False
    share = world.arrow["share"][arrow]
    return share >= 1.0 or luck(mix(visit.path, world.arrow["path"][arrow]), SHARE) < share


def ask(world: World, caller: Visit, arrow: int, k: int) -> None:
    """Take *arrow*; *k* counts its parallel calls."""
    one = Ask(arrow, caller, mix(mix(caller.path, world.arrow["path"][arrow]), k), world.env._now)
    world.tally.calls["calls"][arrow] += 1
    if world.arrow["waits"][arrow]:
        caller.pending += 1
    if (budget := world.budgets[arrow]) is not None:
        budget.request()
    send(world, one)


def send(world: World, one: Ask) -> None:
    """One attempt more: choose a copy, and be there after the way."""
    now, arrow, caller = world.env._now, one.arrow, one.caller
    one.tries += 1
    one.serial, one.sent = world.ticket(), now
    path = mix(one.path, one.tries)
    copy = pick(world, one, path)
    one.copy = copy
    if copy < 0:
        world.later(now, nobody, one, one.serial)
        return
    to = world.arrow["to"][arrow]
    world.pools[arrow].in_flight[copy - world.part["first"][to]] += 1
    place = world.zone_of[copy] if world.zone_of[copy] >= 0 else user_place(world, caller)
    visit = Visit(caller.request, to, copy, place, path, one)
    visit.serial, visit.server, visit.next = one.serial, copy, world.part["arrow"][to]
    world.begin_span(visit)
    world.later(now + way_s(world, arrow, caller.place, place), world.reach, visit)
    world.later(now + world.arrow["timeout"][arrow], waited_enough, one, one.serial)


def nobody(world: World, one: Ask, serial: int) -> None:
    """There was no copy to ask."""
    if one.serial == serial:
        over(world, one, FAILED, None)


def waited_enough(world: World, one: Ask, serial: int) -> None:
    """The caller gives this attempt up; whoever works on it works on."""
    if one.serial == serial:
        world.tally.calls["timed_out"][one.arrow] += 1
        world.end_span(one.span, TIMEOUT)
        over(world, one, TIMEOUT, None)


def answered(world: World, visit: Visit) -> None:
    """The answer to an attempt has come; late answers are for nobody."""
    one = visit.ask
    assert one is not None
    if world.cut(visit.copy, one.caller.copy):
        return
    world.end_span(visit.span, visit.outcome)
    if one.serial == visit.serial:
        over(world, one, visit.outcome, visit)


def over(world: World, one: Ask, outcome: int, visit: Visit | None) -> None:
    """An attempt is over: take the answer, ask again, or give up."""
    now, arrow = world.env._now, one.arrow
    if one.copy >= 0:
        local = one.copy - world.part["first"][world.arrow["to"][arrow]]
        pool, policy = world.pools[arrow], world.policies[arrow]
        pool.in_flight[local] -= 1
        if outcome == OK and "latency" in policy.reads:
            record_latency(pool, local, now - one.sent, now)
        one.last = local
    one.serial = -1
    if not cares(world, one):
        return
    if outcome != OK and one.tries < world.arrow["tries"][arrow]:
        budget = world.budgets[arrow]
        if budget is None or budget.spend():
            one.serial = world.ticket()
            world.tally.calls["retries"][arrow] += 1
            world.later(now + pause_s(world, one), again, one, one.serial)
            return
    done(world, one, outcome, visit)


def pause_s(world: World, one: Ask) -> float:
    """Seconds before the next attempt."""
    base = world.arrow["backoff"][one.arrow]
    if base <= 0:
        return 0.0
    backoff = Backoff(base, max(BACKOFF_CAP_S, base), "full" if world.arrow["jitter"][one.arrow] else "none")
    return backoff.wait_s(one.tries - 1, 0.0, Luck(luck(mix(one.path, one.tries), JITTER)))  # type: ignore[arg-type]


def again(world: World, one: Ask, serial: int) -> None:
    """The pause is over."""
    if one.serial == serial and cares(world, one):
        send(world, one)


def cares(world: World, one: Ask) -> bool:
    """Whether it goes on: a caller that has ended, or died, waits no more; what is sent and forgotten goes on."""
    return one.caller.phase == CALLING or not world.arrow["waits"][one.arrow]


def done(world: World, one: Ask, outcome: int, visit: Visit | None) -> None:
    """The call is over for its caller, who goes on, or ends badly."""
    arrow, caller, calls = one.arrow, one.caller, world.tally.calls
    if outcome == OK:
        calls["ok_s"][arrow] += world.env._now - one.began
    else:
        calls["failed"][arrow] += 1
    if not world.arrow["waits"][arrow]:
        return
    caller.pending -= 1
    if any(world.has_keys):
        answered_caller(world, caller, arrow, visit if outcome == OK else None)
    if world.part["kind"][world.arrow["to"][arrow]] in (EDGE, CACHE):
        caller.missed = visit is None or outcome != OK or visit.missed
    passes = world.part["kind"][caller.part] in PASSES_ON
    if outcome == OK:
        if passes and visit is not None:
            caller.server, caller.started = visit.server, visit.started
            caller.attempts = one.tries - 1 + visit.attempts
    elif not world.arrow["optional"][arrow]:
        caller.attempts = max(caller.attempts, one.tries)
        world.finish(world, caller, outcome if passes else FAILED)
        return
    if not caller.pending:
        proceed(world, caller)
