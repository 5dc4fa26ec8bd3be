"""Answers to lab 02, tasks 6 and 7: wrong plans and carts, each with what its report must say, and right ones written
another way, which must pass."""

from __future__ import annotations

import math

import numpy as np

from minisys.scaling import model
from minisys.scaling.store import StoreDown
from minisys.testbed.queueing import mmc, mmc_percentile

# Task 6 --------------------------------------------------------------------------------------------------------------


def _plans(load_per_s, slo_s, offers, enough, spare):
    for offer in offers:
        servers = 1
        while not (servers > load_per_s * offer.service_s and enough(offer, servers)):
            servers += 1
            if servers > 10_000:
                raise ValueError("no offer is fast enough")
        yield offer.price_per_h * (servers + spare), offer.name, servers + spare


def _p99(load_per_s, slo_s):
    return lambda offer, n: mmc_percentile(load_per_s, offer.service_s, n, 99) <= slo_s


def _fast(offers, slo_s):
    fast = [offer for offer in offers if offer.service_s * math.log(100) < slo_s]
    if not fast:
        raise ValueError("no offer is fast enough")
    return fast


def without_a_spare(load_per_s, slo_s, offers):
    return min(_plans(load_per_s, slo_s, _fast(offers, slo_s), _p99(load_per_s, slo_s), 0))[1:]


def doubles_everything(load_per_s, slo_s, offers):
    _, name, servers = min(_plans(load_per_s, slo_s, _fast(offers, slo_s), _p99(load_per_s, slo_s), 0))
    return name, 2 * servers + 1


def plans_for_the_mean(load_per_s, slo_s, offers):
    def enough(offer, n):
        return mmc(load_per_s, offer.service_s, n).response_s <= slo_s

    if slo_s < 0.05:
        raise ValueError("no offer is fast enough")
    return min(_plans(load_per_s, slo_s, offers, enough, 1))[1:]


def just_enough_to_keep_up(load_per_s, slo_s, offers):
    offer = _fast(offers, slo_s)[0]
    return offer.name, math.ceil(load_per_s * offer.service_s)


def half_busy(load_per_s, slo_s, offers):
    offer = _fast(offers, slo_s)[0]
    return offer.name, math.ceil(load_per_s * offer.service_s / 0.5) + 3


def always_the_fastest(load_per_s, slo_s, offers):
    fast = _fast(offers, slo_s)[-1:]
    return min(_plans(load_per_s, slo_s, fast, _p99(load_per_s, slo_s), 1))[1:]


def a_queue_each(load_per_s, slo_s, offers):
    def enough(offer, n):
        return mmc_percentile(load_per_s / n, offer.service_s, 1, 99) <= slo_s

    return min(_plans(load_per_s, slo_s, _fast(offers, slo_s), enough, 1))[1:]


def ignores_the_impossible(load_per_s, slo_s, offers):
    try:
        return min(_plans(load_per_s, slo_s, _fast(offers, slo_s), _p99(load_per_s, slo_s), 1))[1:]
    except ValueError:
        return offers[-1].name, 100


def only_the_number(load_per_s, slo_s, offers):
    return 7


def never_ends(load_per_s, slo_s, offers):
    servers = math.floor(load_per_s * offers[-1].service_s) + 1
    while mmc_percentile(load_per_s, offers[-1].service_s, servers, 99) > slo_s:
        servers += 1
    return offers[-1].name, servers + 1


def plans_by_formula(load_per_s, slo_s, offers):  # right: gives the offer itself
    _, name, servers = min(_plans(load_per_s, slo_s, _fast(offers, slo_s), _p99(load_per_s, slo_s), 1))
    return next(offer for offer in offers if offer.name == name), np.int64(servers)


def plans_by_simulation(load_per_s, slo_s, offers):  # right
    plans = []
    for offer in _fast(offers, slo_s):
        n = math.floor(load_per_s * offer.service_s) + 1
        while _simulated_p99(load_per_s, offer.service_s, n) > slo_s:
            n += 1
        plans.append((offer.price_per_h * (n + 1), offer.name, n + 1))
    return min(plans)[1:]


def _simulated_p99(load_per_s, service_s, n):
    offered = model.requests(load_per_s * service_s / n, n, 40_000, 7, service_s=service_s)
    return model.settled(model.simulate("one queue", offered, n)).percentile(99)


# Task 7 --------------------------------------------------------------------------------------------------------------


class InMemory:
    def __init__(self, name, store):
        self.carts = {}

    async def put(self, cart, thing):
        self.carts.setdefault(cart, set()).add(thing)
        return len(self.carts[cart])

    async def count(self, cart):
        return len(self.carts.get(cart, ()))


class OneForAll(InMemory):
    things: dict = {}

    def __init__(self, name, store):
        self.carts = OneForAll.things


class StoreOnly:  # right
    def __init__(self, name, store):
        self.store = store

    async def put(self, cart, thing):
        return await self.store.put(cart, thing)

    async def count(self, cart):
        return await self.store.count(cart)


class NamesTheServer(StoreOnly):
    def __init__(self, name, store):
        self.name, self.store = name, store

    async def put(self, cart, thing):
        return await self.store.put(f"{self.name}-{cart}", thing)


class CountsUp(StoreOnly):
    async def put(self, cart, thing):
        return await self.store.put(cart, await self.store.count(cart) + 1)


class RemembersCounts(StoreOnly):
    def __init__(self, name, store):
        self.store, self.seen = store, {}

    async def put(self, cart, thing):
        await self.store.put(cart, thing)
        self.seen[cart] = self.seen.get(cart, 0) + 1
        return self.seen[cart]


class FallsBack(StoreOnly):
    def __init__(self, name, store):
        self.store, self.own = store, InMemory(name, store)

    async def put(self, cart, thing):
        try:
            return await self.store.put(cart, thing)
        except StoreDown:
            return await self.own.put(cart, thing)


class OneCartForAll(StoreOnly):
    async def put(self, cart, thing):
        return await self.store.put("cart", thing)


class ForgetsAwait(StoreOnly):
    async def put(self, cart, thing):
        return self.store.put(cart, thing)


class ForgetsReturn(StoreOnly):
    async def put(self, cart, thing):
        await self.store.put(cart, thing)


class NotAsync(StoreOnly):
    def put(self, cart, thing):
        return 1


class Together(StoreOnly):  # right: another key, read again, told again
    async def put(self, cart, thing):
        try:
            await self.store.put(prefixed(cart), thing)
        except StoreDown as problem:
            raise StoreDown(f"try again: {problem}") from None
        return await self.count(cart)

    async def count(self, cart):
        return await self.store.count(prefixed(cart))


def prefixed(cart):
    return f"{PREFIX}-{cart}"


PREFIX = "cart"
