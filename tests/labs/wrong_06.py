"""Answers to lab 06: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

from minisys.replication.policies import newest
from minisys.replication.quorum_register import Ask, Get, Put

REASON = "A replica must notice the silence, then it is elected, and clients have to find it."

# Task 1, 2, 5 and 6 --------------------------------------------------------------------------------------------------


def failover(measured, because=REASON, predicted=0.3):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


def quorums(**changed):
    right = {
        "smallest_w": 4, "may_be_down": 1, "stale": 0.6667, "available": 0.999702, "servers": 5, "four_survive": 1,
        "in_both": 1,
    }  # fmt: skip
    return lambda: right | changed


def diagnosis(**changed):
    right = {
        "agate": "a repeated command counts once", "basalt": "votes only for complete logs",
        "chalk": "ask a majority before a read", "dolomite": "agreed is what a majority has",
        "emery": "the vote is on the disk",
    }  # fmt: skip
    return lambda: right | changed


def decision(**changed):
    return lambda: {"likes": "async", "orders": "raft", "seats": "raft", "ledger": "all"} | changed


# Task 3 --------------------------------------------------------------------------------------------------------------


def returns_at_once(quorum, key):
    _, value, _ = newest((yield Ask(Get(key), quorum.r)))
    return value


def repairs_behind(quorum, key):
    stamp, value, stale = newest((yield Ask(Get(key), quorum.r)))
    if stale:
        yield Ask(Put(key, stamp, value), 0, tuple(stale))
    return value


def waits_for_one(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp, value), 1)
    return value


def waits_for_r(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp, value), quorum.r)
    return value


def gives_a_new_stamp(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp.next("reader"), value), quorum.w)
    return value


def asks_all(quorum, key):
    _, value, _ = newest((yield Ask(Get(key), quorum.n)))
    return value


def writes_to_all(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp, value), quorum.n)
    return value


def reads_twice(quorum, key):
    yield Ask(Get(key), quorum.r)
    _, value, _ = newest((yield Ask(Get(key), quorum.r)))
    return value


def reads_again_afterwards(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp, value), quorum.w)
    _, value, _ = newest((yield Ask(Get(key), quorum.r)))
    return value


def takes_the_first(quorum, key):
    (_, stamp, value), *_ = yield Ask(Get(key), quorum.r)
    yield Ask(Put(key, stamp, value), quorum.w)
    return value


def forgets_to_return(quorum, key):
    stamp, value, _ = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, stamp, value), quorum.w)


def yields_a_message(quorum, key):
    return (yield Get(key))


def returns_the_triple(quorum, key):
    best = newest((yield Ask(Get(key), quorum.r)))
    yield Ask(Put(key, best[0], best[1]), quorum.w)
    return best


def asks_for_ever(quorum, key):
    stamp, value, stale = newest((yield Ask(Get(key), quorum.r)))
    while not stale:
        yield Ask(Get(key), quorum.r)
    yield Ask(Put(key, stamp, value), quorum.w)
    return value


def writes_back_if_somebody_is_stale(quorum, key):
    stamp, value, stale = newest((yield Ask(Get(key), quorum.r)))
    if stale:
        yield Ask(Put(key, stamp, value), quorum.w)
    return value


def does_not_yield(quorum, key):
    return Ask(Get(key), quorum.r)


def skips_a_round(quorum, key):
    """Right: when W of the answers have the newest already, nothing is left to do."""
    answers = yield Ask(Get(key), quorum.r)
    stamp, value, stale = newest(answers)
    if len(answers) - len(stale) < quorum.w:
        yield Ask(Put(key, stamp, value), quorum.w)
    return value


def by_hand(quorum, key):
    """Right: without `newest`."""
    answers = yield Ask(Get(key), quorum.r)
    best = max(answers, key=lambda answer: answer[1])
    yield Ask(Put(key, best[1], best[2]), quorum.w)
    return best[2]


# Task 4 --------------------------------------------------------------------------------------------------------------


def free(request, term, voted_for):
    return request.term > term or (request.term == term and voted_for in (None, request.sender))


def complete(request, last):
    return (request.last_term, request.last_index) >= last


def votes_twice(request, term, voted_for, last):
    return request.term >= term and complete(request, last)


def for_any_log(request, term, voted_for, last):
    return free(request, term, voted_for)


def for_the_longer_log(request, term, voted_for, last):
    return free(request, term, voted_for) and request.last_index >= last[1]


def for_the_later_term(request, term, voted_for, last):
    return free(request, term, voted_for) and request.last_term >= last[0]


def only_for_more(request, term, voted_for, last):
    return free(request, term, voted_for) and (request.last_term, request.last_index) > last


def keeps_its_vote_for_ever(request, term, voted_for, last):
    return request.term >= term and voted_for in (None, request.sender) and complete(request, last)


def answers_only_once(request, term, voted_for, last):
    return (request.term > term or (request.term == term and voted_for is None)) and complete(request, last)


def votes_in_the_past(request, term, voted_for, last):
    return (request.term != term or voted_for in (None, request.sender)) and complete(request, last)


def says_nothing(request, term, voted_for, last):
    if not free(request, term, voted_for):
        return False


def step_by_step(request, term, voted_for, last):
    """Right, written out."""
    if request.term < term:
        return False
    if request.term == term and voted_for is not None and voted_for != request.sender:
        return False
    if request.last_term != last[0]:
        return request.last_term > last[0]
    return request.last_index >= last[1]
