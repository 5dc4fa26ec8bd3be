"""Twenty thousand random commands, valid and not, to our cache and to Redis or Valkey: the same answers."""

from __future__ import annotations

import random

import hiredis
import pytest

from minisys.caching import live, real

pytestmark = pytest.mark.live
KEYS = ["a", "b", "c", "n", "m"]
VALUES = ["1", "-5", "0", "", "x", "12345678901234567890", str(2**63 - 1), "3.5", " 5", "-0", "1e3", "007"]
NUMBERS = ["1", "-1", "5", "0", str(2**63 - 1), str(-(2**63)), "x", "1.5", "100", ""]
FLOATS = [
    "0.1",
    "-0.1",
    "1e3",
    "1",
    "x",
    "3.0",
    "inf",
    "nan",
    "-1.5e-3",
    ".5",
    "1.",
    "+2",
    "1e-17",
    "123456789.123456789",
]
OF_SET = [
    "NX",
    "XX",
    "GET",
    "KEEPTTL",
    "EX 100",
    "PX 100000",
    "EX 0",
    "EX x",
    "EXAT 99999999999",
    "PXAT 99999999999999",
    "nx",
    "bogus",
]
OF_EXPIRE = ["NX", "XX", "GT", "LT"]
OF_GETEX = ["", "PERSIST", "EX 100", "PX 100 EX 5", "EX 5 PERSIST", "EXAT 99999999999"]
FORMS = [
    "SET k v S", "SET k v S", "GET k", "MGET k k nope", "INCR k", "DECR k", "INCRBY k i", "DECRBY k i",
    "INCRBYFLOAT k f", "INCRBYFLOAT k f", "APPEND k v", "STRLEN k", "DEL k k", "UNLINK k", "EXISTS k k k",
    "EXPIRE k i E", "PEXPIRE k p", "EXPIREAT k t", "TTL k", "EXPIRETIME k", "PERSIST k", "TYPE k", "GETDEL k",
    "GETEX k G", "SETNX k v", "SETEX k i v", "GETSET k v", "MSET k v k v", "DBSIZE", "MULTI", "EXEC", "DISCARD",
    "WATCH k", "UNWATCH", "TOUCH k k", "PING", "PING v", "ECHO v", "GET", "FOO k",
]  # fmt: skip


def command(rng, inside):
    """One command; not those that Redis 7 and Valkey 9 refuse inside a transaction in different words."""
    form = rng.choice([each for each in FORMS if not inside or not each.startswith(("MULTI", "WATCH"))])
    words = []
    for word in form.split():
        choices = {"k": KEYS, "v": VALUES, "i": NUMBERS, "f": FLOATS, "p": ["100000", "-1"], "t": ["1", "99999999999"]}
        if word in choices:
            words.append(rng.choice(choices[word]))
        elif word in ("S", "E", "G"):
            several = rng.sample(OF_SET if word == "S" else OF_EXPIRE, rng.choice([0, 0, 1, 1, 2, 3]))
            words += " ".join(several if word != "G" else [rng.choice(OF_GETEX)]).split()
        else:
            words.append(word)
    return words


def plain(reply):
    """What is compared: values whole, errors by their first three words."""
    if isinstance(reply, list):
        return [plain(each) for each in reply]
    return " ".join(str(reply).split()[:3]) if isinstance(reply, hiredis.ReplyError) else reply


def answer(client, words):
    try:
        return plain(client.ask(*words))
    except hiredis.ReplyError as problem:
        return plain(problem)


def same(one, other, words):
    """Equal; a second may have passed between two questions for a time."""
    if words[0] in ("TTL", "EXPIRETIME", "EXEC") and one != other:
        return all(
            a == b or (type(a) is type(b) is int and abs(a - b) <= 1)
            for a, b in zip(
                one if isinstance(one, list) else [one], other if isinstance(other, list) else [other], strict=True
            )
        )
    return one == other


@pytest.mark.parametrize("product", ["valkey", "redis"])
def test_any_commands_get_the_same_answers(product):
    if why := real.missing(product):
        pytest.skip(why)
    with live.cache("noeviction", "0") as ours, real.product(product, "noeviction", "64mb") as theirs:
        with ours.client() as mine, theirs.client() as its:
            for seed in range(20):
                rng, inside, before = random.Random(seed), False, []
                for client in (mine, its):
                    answer(client, ["DISCARD"]), client.ask("UNWATCH"), client.ask("FLUSHALL")
                for _ in range(500):
                    words = command(rng, inside)
                    inside = words[0] == "MULTI" or (inside and words[0] not in ("EXEC", "DISCARD"))
                    one, other = answer(mine, words), answer(its, words)
                    before = [*before[-5:], " ".join(words)]
                    assert same(one, other, words), f"seed {seed}: {before}: ours {one!r}, {product} {other!r}"
