"""Answers to lab 07: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

# Task 1 and 2 --------------------------------------------------------------------------------------------------------


def numbers(modulo=800_000, ring=200_000, slots=3_276, death=200_000):
    return lambda: {"modulo": modulo, "ring": ring, "slots": slots, "death": death}


def points(number):
    return lambda: number


# Task 3 --------------------------------------------------------------------------------------------------------------


def _following(key, on):
    first = next((i for i, (position, _) in enumerate(on) if position >= key), 0)
    return [shard for _, shard in on[first:] + on[:first]]


def ignores_loads(key, on, load, most):
    return _following(key, on)[0]


def emptiest(key, on, load, most):
    return min(load, key=load.get)


def one_too_many(key, on, load, most):
    return next(shard for shard in _following(key, on) if load[shard] <= most)


def one_too_few(key, on, load, most):
    return next((shard for shard in _following(key, on) if load[shard] < most - 1), on[0][1])


def does_not_go_round(key, on, load, most):
    return next(shard for position, shard in on if position >= key and load[shard] < most)


def falls_off_the_end(key, on, load, most):
    number = sum(position < key for position, _ in on)
    while load[on[number][1]] >= most:
        number += 1
    return on[number][1]


def none_behind_the_last(key, on, load, most):
    for position, shard in on:
        if position >= key and load[shard] < most:
            return shard


def strictly_after(key, on, load, most):
    found = [shard for position, shard in on if position > key and load[shard] < most]
    return found[0] if found else next(shard for _, shard in on if load[shard] < most)


def tries_two(key, on, load, most):
    first, second = _following(key, on)[:2]
    return first if load[first] < most else second


def full_goes_to_the_emptiest(key, on, load, most):
    first = _following(key, on)[0]
    return first if load[first] < most else min(load, key=load.get)


def point_not_shard(key, on, load, most):
    return on[0]


def counts_itself(key, on, load, most):
    shard = next(shard for shard in _following(key, on) if load[shard] < most)
    load[shard] += 1
    return shard


def says_nothing(*_):
    return None


def step_by_step(key, on, load, most):  # right
    full = {shard for shard, count in load.items() if count >= most}
    for position, shard in on:
        if position >= key and shard not in full:
            return shard
    return next(shard for _, shard in on if shard not in full)


# Task 4 --------------------------------------------------------------------------------------------------------------


def follows(words, slot, table, send):  # right, written another way
    def go(node, asking, left):
        if not left:
            raise OSError("given up")
        said, value = send(node, words, asking=asking)
        if said == "MOVED":
            table[slot] = value
        if said == "error":
            raise ValueError(value)
        return value if said == "ok" else go(value or node, said == "ASK", left - 1)

    return go(table[slot], False, 16)


def _client(asks=True, table_on_moved=True, table_on_ask=False, again=True, limit=16, keeps_none=True, pair=False):
    def call(words, slot, table, send):
        node, asking, tries = table[slot], False, 0
        while limit is None or tries < limit:
            tries += 1
            said, value = send(node, words, asking)
            if said == "ok" and (keeps_none or value is not None):
                return (said, value) if pair else value
            if said == "error":
                raise RuntimeError(value)
            if said == "TRYAGAIN" and not again:
                return None
            asking = asks and said == "ASK"
            node = value if said in ("MOVED", "ASK") else node
            if (said == "MOVED" and table_on_moved) or (said == "ASK" and table_on_ask):
                table[slot] = node
        raise RuntimeError("given up")

    return call


forgets_asking = _client(asks=False)
forgets_the_table = _client(table_on_moved=False)
takes_ask_for_moved = _client(table_on_ask=True)
takes_try_again_for_an_answer = _client(again=False)
never_gives_up = _client(limit=None)
gives_up_after_fifteen = _client(limit=15)
asks_for_none_again = _client(keeps_none=False)
gives_the_pair = _client(pair=True)


def one_redirection(words, slot, table, send):
    said, value = send(table[slot], words)
    if said in ("MOVED", "ASK"):
        if said == "MOVED":
            table[slot] = value
        said, value = send(value, words, said == "ASK")
    return value


def tries_errors_again(words, slot, table, send):
    node, asking = table[slot], False
    for _ in range(16):
        said, value = send(node, words, asking)
        if said == "ok":
            return value
        asking = said == "ASK"
        if said in ("MOVED", "ASK"):
            node = value
        if said == "MOVED":
            table[slot] = value
    raise RuntimeError("given up")


def keeps_asking(words, slot, table, send):
    node, asking = table[slot], False
    for _ in range(16):
        said, value = send(node, words, asking)
        if said == "ok":
            return value
        if said == "error":
            raise RuntimeError(value)
        if said == "ASK":
            node, asking = value, True
        elif said == "MOVED":
            table[slot] = node = value
    raise RuntimeError("given up")


# Task 5 --------------------------------------------------------------------------------------------------------------


def _set(slot, what, other):
    return ("CLUSTER", "SETSLOT", slot, what, other)


def _empty(slot, source, target, most=1):
    while keys := (yield source, ("CLUSTER", "GETKEYSINSLOT", slot, most)):
        yield source, ("MIGRATE", target, *keys)


def key_by_key(slot, source, target):  # right, written another way
    yield target, _set(slot, "importing", source)
    yield source, ["CLUSTER", "SETSLOT", slot, "MIGRATING", target]
    while True:
        keys = yield source, ("CLUSTER", "GETKEYSINSLOT", slot, 2)
        if not keys:
            break
        for key in keys:
            yield source, ("MIGRATE", target, key)
    for shard in (target, source):
        yield shard, _set(slot, "NODE", target)


def sign_before_door(slot, source, target):
    yield source, _set(slot, "MIGRATING", target)
    yield target, _set(slot, "IMPORTING", source)
    yield from _empty(slot, source, target)
    yield target, _set(slot, "NODE", target)
    yield source, _set(slot, "NODE", target)


def no_importing(slot, source, target):
    yield source, _set(slot, "MIGRATING", target)
    yield from _empty(slot, source, target)
    yield target, _set(slot, "NODE", target)
    yield source, _set(slot, "NODE", target)


def no_migrating(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    yield from _empty(slot, source, target)
    yield target, _set(slot, "NODE", target)
    yield source, _set(slot, "NODE", target)


def hands_over_first(slot, source, target):
    yield target, _set(slot, "NODE", target)
    yield from _empty(slot, source, target)
    yield source, _set(slot, "NODE", target)


def one_batch(slot, source, target, most=2):
    yield target, _set(slot, "IMPORTING", source)
    yield source, _set(slot, "MIGRATING", target)
    keys = yield source, ("CLUSTER", "GETKEYSINSLOT", slot, most)
    yield source, ("MIGRATE", target, *keys)
    yield target, _set(slot, "NODE", target)
    yield source, _set(slot, "NODE", target)


def all_at_once(slot, source, target):
    return one_batch(slot, source, target, 100)


def old_owner_first(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    yield source, _set(slot, "MIGRATING", target)
    yield from _empty(slot, source, target)
    yield source, _set(slot, "NODE", target)
    yield target, _set(slot, "NODE", target)


def forgets_the_old_owner(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    yield source, _set(slot, "MIGRATING", target)
    yield from _empty(slot, source, target)
    yield target, _set(slot, "NODE", target)


def forgets_the_hand_over(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    yield source, _set(slot, "MIGRATING", target)
    yield from _empty(slot, source, target)


def copies_by_hand(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    yield source, _set(slot, "MIGRATING", target)
    while keys := (yield source, ("CLUSTER", "GETKEYSINSLOT", slot, 1)):
        value = yield source, ("GET", keys[0])
        if value is not None:
            yield target, ("SET", keys[0], value)
        yield source, ("DEL", keys[0])
    yield target, _set(slot, "NODE", target)
    yield source, _set(slot, "NODE", target)


def never_ends(slot, source, target):
    yield target, _set(slot, "IMPORTING", source)
    while True:
        yield source, ("CLUSTER", "GETKEYSINSLOT", slot, 1)


def returns_a_list(slot, source, target):
    return [(target, _set(slot, "IMPORTING", source))]


def yields_words_only(slot, source, target):
    yield _set(slot, "IMPORTING", source)


def unknown_word(slot, source, target):
    yield target, _set(slot, "IMPORT", source)
