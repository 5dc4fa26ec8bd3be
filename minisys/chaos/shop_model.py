"""The shop in virtual time: hundreds of experiments in the time that one takes for real.

A game day costs an afternoon of eight people. Before it, the same plan can be played here a hundred times: with every
part, every moment, every combination. What breaks here is what to look at there.

    env.process(...); shop = SimShop(env, rng, design({"cache is a must"})); shop.begin(Fault("kill", "cache"))

Promised: the steps of an order (shop.take_order) and the balancer's choices (load_balancing.balancer) are those of the
live shop; every order gets an answer. Runs and experiments on it: shop_runs.py, shop_experiments.py. Simplified: a part
answers in a fixed time however many ask it, except that an application has shop.WORKERS; a call to a killed part fails
at once.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from simpy.events import Event

from minisys.chaos import shop
from minisys.chaos.inject import Undo
from minisys.chaos.plan import Fault
from minisys.load_balancing.balancer import Backend, Balancer
from minisys.load_balancing.plan import HealthCheck
from minisys.testbed.simulation import FAILED, OK, Request, settle

Steps = Generator[Event, Any, Any]


@dataclass
class Part:
    """A process of the shop: *alive*, *paused* (None, or the event of its going on), and how it is to fail."""

    name: str
    takes_s: float
    died: Event  # the balancer hears of an application's death at once
    alive: bool = True
    paused: Event | None = None
    slower_s: float = 0.0
    errors: float = 0.0
    life: int = 0  # counts its deaths
    prices: dict[int, float] = field(default_factory=dict)  # in the cache: until when
    rows: set[int] = field(default_factory=set)  # in a book: orders


class SimShop:
    """The shop as a component of testbed.simulation, and an injector of faults on its parts."""

    def __init__(self, env: simpy.Environment, rng: np.random.Generator, built: shop.Design) -> None:
        self.env, self.rng, self.built = env, rng, built
        times = {"prices": shop.PRICE_S, "cache": shop.CACHE_S, "orders": shop.STORE_S, "standby": shop.STORE_S}
        self.parts = {name: Part(name, times.get(name, 0.0), env.event()) for name in shop.PARTS}
        self.homes = {name: shop.Home() for name in shop.APPS}
        self.workers = {name: simpy.Resource(env, shop.WORKERS) for name in shop.APPS}
        check = HealthCheck(shop.CHECK_EVERY_S, shop.CHECK_TIMEOUT_S, rise=2, fall=shop.CHECK_FALL)
        backends = [Backend(name, "127.0.0.1", 1) for name in shop.APPS]
        self.balancer = Balancer("least connections", backends, health=check)
        self.ok = self.bad = self.old_calls = 0
        env.process(self._check_health(check))

    def readings(self) -> shop.Readings:
        """What monitoring says now."""
        books = {home.store for home in self.homes.values()}
        stored = set().union(*(self.parts[name].rows for name in books if self.parts[name].alive))
        priced = self.old_calls + sum(home.priced for home in self.homes.values())
        return shop.Readings(self.ok, self.bad, priced, len(stored))

    def serve(self, request: Request) -> Event:
        """One order, through the balancer."""
        done = self.env.event()
        self.env.process(self._balance(request, done))
        return done

    def _balance(self, request: Request, done: Event) -> Steps:
        tried: list[str] = []
        taken = answered = False
        while len(tried) < 2 and not answered:
            backend = self.balancer.choose(0, request.luck, self.env.now, tried, len(tried))
            if backend is None:
                break
            began = self.env.now
            tried.append(backend.name)
            request.attempts, request.server = len(tried), backend.name
            if self.parts[backend.name].alive:
                order = self.env.process(self._order(backend.name, request))
                yield order | self.parts[backend.name].died | self.env.timeout(shop.ANSWER_S)
                answered = order.processed and order.value is not None
                taken = answered and order.value == OK
            self.balancer.finished(backend, answered, self.env.now - began, self.env.now)
        self.ok, self.bad = self.ok + taken, self.bad + (not taken)
        settle(done, OK if taken else FAILED)

    def _order(self, name: str, request: Request) -> Steps:
        """An order in application *name*: OK, FAILED, or None if the application died over it."""
        app, life, workers = self.parts[name], self.parts[name].life, self.workers[name]
        with workers.request() as turn:
            yield turn
            request.started_s = self.env.now
            yield self.env.timeout(request.work_s)
            if app.errors and self.rng.random() < app.errors:
                return FAILED
            steps = shop.take_order(self.built, request.key, shop.item_of(request.key), self.homes[name])
            answer: Any = None
            problem: shop.Unavailable | None = None
            while True:
                if app.paused is not None:
                    yield app.paused
                if app.life != life:
                    return None
                try:
                    call = steps.throw(problem) if problem else steps.send(answer)
                except StopIteration:
                    return OK
                except shop.Unavailable:
                    return FAILED
                answer, problem = yield from self._ask(call)

    def _ask(self, call: shop.Call) -> Generator[Event, Any, tuple[Any, shop.Unavailable | None]]:
        """The answer to *call*, and why there is none."""
        part, env, patience = self.parts[call.target], self.env, call.timeout_s
        if not part.alive:
            return None, shop.Unavailable(f"{call.target} refused the connection")
        life, began = part.life, env.now
        if part.paused is not None:
            yield part.paused if patience is None else part.paused | env.timeout(patience)
            if part.life != life:
                return None, shop.Unavailable(f"{call.target} died")
        takes_s = part.takes_s + part.slower_s + self._copying_s(call)
        left_s = float("inf") if patience is None else patience - (env.now - began)
        yield env.timeout(min(takes_s, max(0.0, left_s)))
        if takes_s > left_s:
            return None, shop.Unavailable(f"{call.target} did not answer within {patience:g} s")
        if part.life != life:
            return None, shop.Unavailable(f"{call.target} died")
        if part.errors and self.rng.random() < part.errors:
            return None, shop.Unavailable(f"{call.target} said 503")
        return self._do(call, part)

    def _do(self, call: shop.Call, part: Part) -> tuple[Any, shop.Unavailable | None]:
        match call.what:
            case "get":
                return (call.key if part.prices.get(call.key, -1.0) > self.env.now else None), None
            case "set":
                part.prices[call.key] = self.env.now + shop.TTL_S
            case "write" if call.target == "standby" and not self.built.standby_writable:
                return None, shop.Unavailable("standby is read-only")
            case "write":
                part.rows.add(call.key)
                if call.target == "orders" and self._copied():
                    self.parts["standby"].rows.add(call.key)
        return True, None

    def _copied(self) -> bool:
        standby = self.parts["standby"]
        return self.built.copies and standby.alive and standby.paused is None

    def _copying_s(self, call: shop.Call) -> float:
        """What the copy to the standby adds to a write."""
        if call.target != "orders" or not self.built.copies or not self.parts["standby"].alive:
            return 0.0
        return shop.STORE_S if self.parts["standby"].paused is None else shop.COPY_TIMEOUT_S

    def _check_health(self, check: HealthCheck) -> Steps:
        while True:
            yield self.env.timeout(check.interval_s)
            for backend in self.balancer.backends:
                app = self.parts[backend.name]
                broken = self.built.check_looks and app.errors and self.rng.random() < app.errors
                self.balancer.checked(backend, app.alive and app.paused is None and not broken, self.env.now)

    def begin(self, fault: Fault) -> Undo:
        """Break a part. Raises ValueError for a part that there is not, or a fault that it cannot have."""
        shop.check_fault(fault.kind, fault.target)
        part = self.parts[fault.target]
        match fault.kind:
            case "kill":
                return self._kill(part)
            case "pause":
                part.paused = self.env.event()
                return lambda: self._resume(part)
            case "slow answers":
                part.slower_s = fault["delay_s"]
                return lambda: setattr(part, "slower_s", 0.0)
        part.errors = fault["ratio"]
        return lambda: setattr(part, "errors", 0.0)

    def _kill(self, part: Part) -> Undo:
        part.alive, part.life, part.prices = False, part.life + 1, {}
        self._resume(part)
        died, part.died = part.died, self.env.event()
        died.succeed()
        if part.name in self.homes:
            self.old_calls += self.homes[part.name].priced
            self.homes[part.name], self.workers[part.name] = shop.Home(), simpy.Resource(self.env, shop.WORKERS)
        return lambda: setattr(part, "alive", True)

    def _resume(self, part: Part) -> None:
        event, part.paused = part.paused, None
        if event is not None:
            event.succeed()
