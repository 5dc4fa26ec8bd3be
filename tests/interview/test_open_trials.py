"""Trials of the text helper: right answers in unusual words are found; wrong, denied and listed ones are not.

It only suggests a sentence to quote. A suggestion under a wrong sentence would still teach that it was right.
"""

from __future__ import annotations

import itertools

import pytest

from minisys.interview import library
from minisys.interview.helper import ENOUGH, depth, likeness, suggest
from minisys.interview.judge import draw, judge
from minisys.interview.schema import Open
from minisys.interview.spoken import CLAUSE, NEGATOR, affirmed, is_list
from minisys.interview.thesaurus import GROUPS, canonical

OPEN = {item.question.id: item.question for item in library.items() if isinstance(item.question, Open)}

# question: {point: right, but not in the bank's words}, sentences that make no point at all
TRIALS: dict[str, tuple[dict[int, str], list[str]]] = {
    "wb-open-primary-gone": ({
        0: "More than one monitor, each in another zone, has to miss it for ten seconds.",
        1: "More than half of the voters must agree, and STONITH powers off the former leader.",
        4: "The connection pool asks a name service where the leader is now, and the application runs its work again.",
        6: "We rehearse that on a Tuesday, at noon, in production.",
    }, [
        "We do not need a majority for that, and fencing is overkill.",
        "A script that pings the primary promotes the standby as soon as one ping fails.",
        "The database vendor has an SLA, so this should be fine by itself.",
    ]),
    "wb-open-payment": ({
        0: "We cannot tell, so the order is put into a state of being in doubt.",
        1: "The deduplication token is written down before we call, and it never changes for this order.",
        2: "Order and intent go into the database in the same transaction.",
        4: "Each night we compare the books with what the provider sends.",
    }, [
        "A timeout is a failure, so we charge again with a new key.",
        "An idempotency key is not needed, because the provider never answers twice.",
        "The queue delivers exactly once, and that is enough.",
        "We would not use an outbox here.",
    ]),
    "wb-open-tickets": ({
        0: "Selling is a compare-and-swap on the row of the seat.",
        1: "I reserve the seat for eight minutes, and afterwards it is free again without anybody's help.",
        2: "At the door there is a virtual queue, so that 500 a second reach the shop.",
        3: "What the browser paints may lag a little behind.",
        4: "The card is charged after the row is released, and the same token makes a second charge harmless.",
    }, [
        "First I read whether the seat is free, then I write the booking.",
        "A waiting room is unnecessary, because the cloud scales.",
        "There is no hold, people simply pay quickly.",
        "More web servers are started at ten o'clock.",
    ]),
    "wb-open-cache-gone": ({
        0: "The store gets tenfold what it is used to.",
        1: "Impatient browsers and clients resend, and that keeps it down.",
        2: "Before the store stands a bulkhead, and what exceeds it is turned away.",
        3: "Outdated pages are better than none, so we serve those.",
        4: "Request coalescing lets one caller per key refill it.",
    }, [
        "The database will be a little slower for a while.",
        "We restart everything at once and wait.",
        "Rate limiting or shedding is not necessary, the database can take it.",
        "Retries are harmless.",
    ]),
    "wb-open-limiter": ({
        0: "A leaky bucket of a hundred drops, which allows a burst at the start.",
        2: "A Lua script reads and decrements, so that two gateways never both get the last one.",
        3: "When Redis is away every gateway goes on with a twentieth of the limit for itself.",
        4: "The answer is 429 with the seconds to wait in a header.",
    }, [
        "A token bucket is overkill.",
        "Every request locks a row in the database and updates it.",
        "We need no shared counter, since the balancer is fair.",
        "The client finds out by trying, without Retry-After.",
    ]),
    "wb-open-shard-key": ({
        0: "I write down what is joined and what is committed together, as all of that has to live on the same shard.",
        1: "The biggest customer alone may be a fifth of everything.",
        2: "4,096 virtual shards are spread over eight machines by a table.",
        3: "First copy, then write to old and new, compare for a week, and then switch the readers.",
        4: "What spans tenants goes to an analytics copy.",
    }, [
        "Hash the primary key, it spreads best.",
        "We never look at the largest tenant.",
        "Logical shards are not worth it.",
    ]),
    "wb-open-region-lost": ({
        0: "The person on call declares it after three minutes of missing orders.",
        3: "Before the other side takes writes, the credentials of the old one are revoked.",
        4: "The name's TTL is a minute, and one in ten users still comes to the old address an hour later.",
        5: "Signing in and paying come up first, what others bought comes last.",
        6: "Half a year ago we did the same as an exercise, and it took 41 minutes.",
    }, [
        "At noon we start building servers in the other region.",
        "Fencing the lost region is pointless, as it is gone.",
        "We have not practised it.",
    ]),
    "wb-open-sockets": ({
        0: "At 30 kB each, 64 GB of RAM hold about a million and a half of them.",
        2: "Before a release a server asks its clients to leave, each after a random delay.",
        4: "A registry says behind which machine a user sits.",
        5: "The phone tells the number of the last message that it has, and gets the rest.",
    }, [
        "All servers are restarted at once, like stateless ones.",
        "Memory is irrelevant here.",
        "A directory is not needed.",
        "There is no need to drain.",
    ]),
    "wb-open-timeline": ({
        0: "How often is a timeline read for each post, and how old may it be?",
        2: "Accounts of superstars are merged in at reading.",
        3: "The fan-out runs behind a message broker, and I alarm on how far behind it is.",
        4: "Only the newest 800 identifiers are kept, and a lost list is computed afresh.",
    }, [
        "Everything is pushed to everybody, the machines are fast.",
        "Each view runs a large query over all posts.",
        "Celebrities need no special treatment.",
    ]),
    "wb-open-cut-shop": ({
        1: "Both sides may add to the basket, and the two sets are united later.",
        2: "Each side may sell its share of what is on the shelf, and no more.",
        3: "The order number goes along, so that a second charge does nothing.",
        4: "Later a job compares what both sides sold and writes to those who got nothing.",
    }, [
        "This system is AP.",
        "For the stock the last writer wins.",
        "Nothing has to be reconciled.",
        "We would not merge the cart.",
    ]),
    "lb-open-spof": ({
        0: "A pair of them, one passive with heartbeats between them.",
        1: "A floating IP moves to the survivor.",
        2: "It takes about three seconds, and whoever was connected is cut off.",
        3: "It remembers nothing between two requests.",
        4: "The provider runs a fleet behind one name, and promises 99.99 % for it.",
    }, [
        "The cloud takes care of it.",
        "I put a balancer in front of the balancers.",
        "A second balancer is unnecessary.",
    ]),
    "sc-open-no-gain": ({
        0: "Was the tester itself the limit, and does it wait for each answer?",
        1: "Something behind all of them is the same, such as a row that everybody locks.",
        2: "I measure at one, two, four, eight and sixteen, and draw the line through them.",
        3: "Then I replace the suspect by a dummy and repeat the run.",
        4: "Either we batch the writes, or we return eight machines.",
    }, [
        "Add another sixteen servers.",
        "It is the database, I am sure.",
        "We need no load test for that.",
    ]),
    "ca-open-put-a-cache": ({
        0: "Does the plan of that query use an index at all?",
        1: "How many times a minute is a product seen, and how many times a day is it altered?",
        2: "Ask Redis, on a miss the table, keep it a minute; whoever saves a product deletes its key.",
        3: "When Redis dies, at most fifty queries run at a time, and the others get an error.",
        4: "I plot how many reads were hits, and how slow the misses are.",
    }, [
        "The whole page is kept, with the user's cart in it.",
        "An index would not help.",
        "Prices may be as old as they like.",
    ]),
    "av-open-two-of-everything": ({
        0: "Both halves ask the same identity provider and present the same certificate.",
        1: "A bad release goes out to both within a minute.",
        2: "Each half is 70 % busy, so one alone drowns.",
        3: "What switches over may itself switch wrongly.",
        4: "Both racks hang on one power feed.",
        5: "Once a quarter we pull the plug of one half on a working day.",
    }, [
        "I would add a third copy of everything.",
        "Nothing can.",
        "A shared DNS is not a problem.",
        "Game days are a waste of time.",
    ]),
}  # fmt: skip
RIGHT = [(name, point, text) for name, (rights, _) in TRIALS.items() for point, text in rights.items()]
WRONG = [(name, text) for name, (_, wrongs) in TRIALS.items() for text in wrongs]
DENIALS = (
    "We do not need {} here.", "There is no need for {} at all.", "{} is overkill for us.", "I would skip {}.",
    "It works without {}.", "We would never bother with {}.", "{} isn't necessary in our case.",
    "I don't think that we want {}.",
)  # fmt: skip


def test_there_are_enough_questions():
    assert len(TRIALS) >= 12 and all(len(rights) >= 3 and len(wrongs) >= 3 for rights, wrongs in TRIALS.values())


@pytest.mark.parametrize(("name", "point", "text"), RIGHT, ids=[f"{name}-{point}" for name, point, _ in RIGHT])
def test_right_in_other_words_is_suggested(name, point, text):
    around = f"Let me think about that for a moment. {text} That would be my answer."
    assert suggest(OPEN[name], around).get(point, "") in text.split("; ")[0] + text and point in suggest(
        OPEN[name], around
    )


@pytest.mark.parametrize(("name", "text"), WRONG, ids=[f"{name}: {text[:30]}" for name, text in WRONG])
def test_wrong_and_denied_is_not(name, text):
    assert suggest(OPEN[name], text) == {} and set(depth(OPEN[name], text)) == {0}


def test_a_denied_word_makes_no_point():
    turn, seen = itertools.cycle(DENIALS), 0
    for name, question in OPEN.items():
        for point in question.rubric:
            words = [word for word in point.words if not NEGATOR.search(f"{word} {point.point}")]
            for word in words:
                if not CLAUSE.search(word):
                    said, seen = next(turn).format(word), seen + 1
                    assert likeness(point, said) < ENOUGH, (name, said)
    assert seen > 600


@pytest.mark.parametrize("between", [", ", " ", ". ", " and ", "\n- "])
def test_catchwords_make_no_point(between):
    for name, question in OPEN.items():
        words = [word for point in question.rubric for word in point.words if len(word.split()) <= 2]
        found = suggest(question, between.join(words))
        assert len(found) <= len(question.rubric) // 4, (name, found)


def test_the_question_itself_makes_no_point():
    assert not [name for name, question in OPEN.items() if suggest(question, question.prompt)]


def test_a_whole_answer_of_right_sentences_earns_its_points_and_still_only_when_quoted():
    for name, (rights, _) in TRIALS.items():
        text = " ".join(rights.values())
        found = suggest(OPEN[name], text)
        assert set(rights) <= set(found)
        asked = draw(OPEN[name], 0)
        assert judge(asked, {"text": text, "evidence": {}}).points == 0
        assert judge(asked, {"text": text, "evidence": found}).points > 0.3


@pytest.mark.parametrize(("sentence", "left"), [
    ("We do not need a quorum, but we fence the old one", "We do   but we fence the old one"),
    ("It cannot do without fencing", "It cannot do without fencing"),
    ("Never forget the fencing", "Never forget the fencing"),
    ("Not only a majority, also a lease", "Not only a majority, also a lease"),
    ("Nothing but a quorum helps", "Nothing but a quorum helps"),
    ("Fencing is overkill, so we take a lease", "  so we take a lease"),
    ("Calls without a timeout hang for a day or two", "Calls day or two"),
])  # fmt: skip
def test_what_a_sentence_affirms(sentence, left):
    assert " ".join(affirmed(sentence).replace(",", " ").split()) == " ".join(left.replace(",", " ").split())


@pytest.mark.parametrize(("sentence", "listed"), [
    ("quorum, fencing, lease, epoch, drill, proxy", True), ("Quorum fencing lease epoch drill proxy majority", True),
    ("quorum quorum quorum of the quorum is a quorum in the quorum of it", True), ("Quorum.", True),
    ("Shared dependencies: DNS, identity, certificates, configuration, secrets are the same for both", False),
    ("A majority decides, the old primary is fenced, and clients find the new one by a proxy", False),
    ("Two balancers, active and passive", False),
])  # fmt: skip
def test_a_row_of_catchwords_is_no_sentence(sentence, listed):
    assert is_list(sentence) is listed


def test_every_word_of_the_thesaurus_has_one_meaning():
    words = [word for group in GROUPS for word in group.split("|")]
    assert len(words) == len(set(words)) and all(
        canonical(group.split("|")[0]) == group.split("|")[0] for group in GROUPS
    )
    assert canonical("The standby, More  than half") == "the replica, majority"
