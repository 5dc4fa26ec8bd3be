"""Answers to lab 04: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

REASON = "Each further page is asked for more rarely than the one before, so hits take ever more room."

# Task 1 and 2 --------------------------------------------------------------------------------------------------------


def halving(measured, because=REASON, predicted=200):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


def lost(**changed):
    right = {"before_per_s": 300, "after_per_s": 3000, "times": 10, "times_at_95": 20, "needed_hit_ratio": 0.8333}
    return lambda: right | changed


# Task 3 --------------------------------------------------------------------------------------------------------------


class Listed:
    """What the wrong ones below have in common."""

    def __init__(self, capacity):
        self.queue, self.marked, self.hand = [], set(), 0  # oldest first

    def hit(self, key):
        self.marked.add(key)

    def admit(self, key):
        self.queue.append(key)


class Fifo(Listed):
    def evict(self):
        return self.queue.pop(0)


class MovesOnAHit(Listed):
    def hit(self, key):
        self.queue.remove(key)
        self.queue.append(key)

    def evict(self):
        return self.queue.pop(0)


class MovesTheSpared(Listed):
    def evict(self):
        while (key := self.queue.pop(0)) in self.marked:
            self.marked.remove(key)
            self.queue.append(key)
        return key


class BeginsAtTheOldest(Listed):
    def evict(self):
        for i, key in enumerate(self.queue):
            if key not in self.marked:
                return self.queue.pop(i)
            self.marked.remove(key)
        return self.queue.pop(0)


class MarksTheNew(Listed):
    def admit(self, key):
        self.queue.append(key)
        self.marked.add(key)

    def evict(self):
        while self.queue[self.hand] in self.marked:
            self.marked.remove(self.queue[self.hand])
            self.hand = (self.hand + 1) % len(self.queue)
        gone = self.queue.pop(self.hand)
        self.hand %= len(self.queue) or 1
        return gone


class KeepsTheMark(Listed):
    def evict(self):
        while self.queue[self.hand] in self.marked:
            self.hand = (self.hand + 1) % len(self.queue)
        return self.queue.pop(self.hand)


class ForgetsToReturn(Listed):
    def evict(self):
        self.queue.pop(0)


class WaitsAtTheEnd(Listed):
    def evict(self):
        self.hand %= len(self.queue)
        while self.queue[self.hand] in self.marked:
            self.marked.remove(self.queue[self.hand])
            self.hand = (self.hand + 1) % len(self.queue)
        return self.queue.pop(self.hand)


class Node:
    def __init__(self, key):
        self.key, self.marked, self.newer, self.older = key, False, None, None


class LinkedSieve:  # right: the paper's own form, O(1)
    def __init__(self, capacity):
        self.nodes, self.newest, self.oldest, self.hand = {}, None, None, None

    def hit(self, key):
        self.nodes[key].marked = True

    def admit(self, key):
        node = self.nodes[key] = Node(key)
        node.older = self.newest
        if self.newest:
            self.newest.newer = node
        self.newest = node
        self.oldest = self.oldest or node

    def evict(self):
        node = self.hand or self.oldest
        while node.marked:
            node.marked = False
            node = node.newer or self.oldest
        self.hand = node.newer
        if node.newer:
            node.newer.older = node.older
        else:
            self.newest = node.older
        if node.older:
            node.older.newer = node.newer
        else:
            self.oldest = node.newer
        del self.nodes[node.key]
        return node.key


class TwoDicts:  # right: passed by the hand, and ahead of it
    def __init__(self, capacity):
        self.passed, self.ahead, self.marked = OrderedDict(), OrderedDict(), set()

    def hit(self, key):
        self.marked.add(key)

    def admit(self, key):
        self.ahead[key] = None

    def evict(self):
        while True:
            key, _ = self.ahead.popitem(last=False)
            spared = key in self.marked
            if spared:
                self.marked.discard(key)
                self.passed[key] = None
            if not self.ahead:
                self.ahead, self.passed = self.passed, self.ahead
            if not spared:
                return key


# Task 4 --------------------------------------------------------------------------------------------------------------


class NoProtection:
    async def do(self, key, compute):
        return await compute()


class KeepsValues:
    def __init__(self):
        self.tasks = {}

    async def do(self, key, compute):
        if key not in self.tasks:
            self.tasks[key] = asyncio.ensure_future(compute())
        return await asyncio.shield(self.tasks[key])


class OneLockForAll:
    def __init__(self):
        self.lock, self.values = asyncio.Lock(), {}

    async def do(self, key, compute):
        async with self.lock:
            if key not in self.values:
                self.values[key] = await compute()
            return self.values[key]


class KeepsTheError:
    def __init__(self):
        self.tasks = {}

    async def do(self, key, compute):
        if key not in self.tasks:
            task = self.tasks[key] = asyncio.ensure_future(compute())
            task.add_done_callback(lambda done: done.exception() or self.tasks.pop(key))
        return await asyncio.shield(self.tasks[key])


class WakesNobodyOnError:
    def __init__(self):
        self.events, self.values = {}, {}

    async def do(self, key, compute):
        if key in self.events:
            await self.events[key].wait()
            return self.values[key]
        event = self.events[key] = asyncio.Event()
        self.values[key] = await compute()
        event.set()
        del self.events[key]
        return self.values[key]


class GivesNoneOnError:
    def __init__(self):
        self.events, self.values = {}, {}

    async def do(self, key, compute):
        if key in self.events:
            await self.events[key].wait()
            return self.values.get(key)
        event = self.events[key] = asyncio.Event()
        try:
            self.values[key] = await compute()
        finally:
            event.set()
            del self.events[key]
        return self.values[key]


class ComputesInTheFirstReader:
    def __init__(self):
        self.waiting = {}

    async def do(self, key, compute):
        if key in self.waiting:
            return await asyncio.shield(self.waiting[key])
        future = self.waiting[key] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(await compute())
        except BaseException as problem:
            future.set_exception(problem)
        finally:
            del self.waiting[key]
        return await future


class AwaitsTheTaskItself:
    def __init__(self):
        self.tasks = {}

    async def do(self, key, compute):
        if key not in self.tasks:
            self.tasks[key] = asyncio.ensure_future(compute())
            self.tasks[key].add_done_callback(lambda _: self.tasks.pop(key))
        return await self.tasks[key]


class SpinsUntilDone:
    def __init__(self):
        self.busy, self.values = set(), {}

    async def do(self, key, compute):
        while key in self.busy:
            await asyncio.sleep(0)
        self.busy.add(key)
        return await compute()


class FuturesByHand:  # right
    def __init__(self):
        self.waiting = {}

    async def do(self, key, compute):
        mine = asyncio.get_running_loop().create_future()
        if key in self.waiting:
            self.waiting[key].append(mine)
        else:
            self.waiting[key] = [mine]
            self.worker = asyncio.create_task(self.work(key, compute))
        return await mine

    async def work(self, key, compute):
        value = problem = None
        try:
            value = await compute()
        except Exception as raised:
            problem = raised
        for each in self.waiting.pop(key):
            if not each.done() and problem is None:
                each.set_result(value)
            elif not each.done():
                each.set_exception(problem)


# Task 5 --------------------------------------------------------------------------------------------------------------


def choice(**changed):
    right = {"product pages": "sieve", "pages and crawler": "lfu", "breaking news": "fifo", "playlist": "w-tinylfu"}
    return lambda: right | {name.replace("_", " "): policy for name, policy in changed.items()}
