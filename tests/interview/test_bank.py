"""The bank as it is: enough of every kind, nothing twice, and no number question whose slip is its answer."""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest
from scipy.optimize import brentq

from minisys.interview import calculations, library
from minisys.interview.constants import constant, figures
from minisys.interview.families import FAMILIES, LEVELS
from minisys.interview.judge import draw, judge
from minisys.interview.schema import Choice, Number, Open
from minisys.scaling.theory import amdahl_limit, usl
from minisys.testbed.queueing import mmc
from minisys.testbed.units import registry, written
from tests.interview.likeness import alike, text

EVERYTHING = [item.question for item in library.items()]
NAMED = {question.id: question for question in EVERYTHING}
NUMBERS = [question for question in EVERYTHING if isinstance(question, Number)]
TOO_ALIKE = 0.6  # the two most alike stand at 0.53; the same question in other words at 0.72 and more
IN_OTHER_WORDS = {
    "lb-refused-post": "A POST was sent and the connection was refused, since the backend's process is gone. Is the "
    "balancer allowed to send it to another one?",
    "wb-drill-lost-writes": "A primary confirms {writes} writes per second, its asynchronous replica lags by {lag_ms} "
    "ms. The primary dies and the replica is promoted. How many confirmed writes are gone?",
    "wb-last-seat": "Two customers book one seat at the same time. Which of these make sure that only one gets it?",
    "wb-green-backup": "For two years the backup job was green every night. What does that tell you?",
    "av-number-little": "On average {inside} requests are in a server that answers {rate} per second. What is its mean "
    "latency in ms?",
}


def nearly_equal(prompts: list[str]) -> list[tuple[str, str]]:
    """The pairs that agree in four fifths of their letters. Such a pair shares at least a third of its words."""
    words = [set(re.findall(r"\w+", prompt.lower())) for prompt in prompts]
    found = []
    for place, one in enumerate(prompts):
        matcher = difflib.SequenceMatcher(None, b=one, autojunk=False)
        for other in range(place):
            if len(words[place] & words[other]) < max(len(words[place]), len(words[other])) / 3:
                continue
            matcher.set_seq1(prompts[other])
            if matcher.real_quick_ratio() > 0.8 and matcher.quick_ratio() > 0.8 and matcher.ratio() > 0.8:
                found.append((prompts[other], one))
    return found


@pytest.mark.parametrize("chapter", [name for name in library.chapters() if name != "00"])
def test_a_chapter_has_enough_of_every_kind_and_level(chapter):
    questions = library.chapter_of(chapter).questions
    kinds = Counter(question.type for question in questions)
    assert len(questions) >= 12 and kinds["number"] >= 3 and kinds["open"] >= 2
    assert {question.level for question in questions} == set(LEVELS)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_enough_questions_at_every_level_and_of_every_type(family):
    own = [question for question in EVERYTHING if question.family == family]
    assert len(own) >= 12 and len(EVERYTHING) >= 75
    assert {question.level for question in own} == set(LEVELS)
    assert {question.type for question in own} >= {"one", "several", "number", "ordering", "matching", "open"}


def test_no_two_questions_share_an_id_or_nearly_a_prompt():
    assert [name for name, count in Counter(question.id for question in EVERYTHING).items() if count > 1] == []
    assert nearly_equal([question.prompt for question in EVERYTHING]) == []


def test_two_prompts_that_are_nearly_equal_would_be_found():
    prompt = NAMED["lb-refused-post"].prompt
    assert nearly_equal([prompt, prompt.replace("POST", "PUT")]) and not nearly_equal([prompt, prompt[:60]])


def test_no_two_questions_are_alike():
    likeness = alike([text(question) for question in EVERYTHING])
    pairs = itertools.combinations(range(len(EVERYTHING)), 2)
    assert [(EVERYTHING[i].id, EVERYTHING[j].id) for i, j in pairs if likeness[i, j] > TOO_ALIKE] == []


def test_a_question_in_other_words_would_be_found():
    again = [NAMED[name].model_copy(update={"prompt": prompt}) for name, prompt in IN_OTHER_WORDS.items()]
    likeness = alike([text(question) for question in [*EVERYTHING, *again]])[len(EVERYTHING) :]
    found = {name: row[EVERYTHING.index(NAMED[name])] for name, row in zip(IN_OTHER_WORDS, likeness, strict=True)}
    assert min(found.values()) > TOO_ALIKE, found


@pytest.mark.parametrize("question", NUMBERS, ids=lambda q: q.id)
def test_a_slip_is_never_the_right_answer(question):
    for values in question.combinations():
        key = question.compute(question.calculation, values)
        for slip in question.slips:
            wrong = question.slipped(slip, values)
            assert abs(wrong - key) > question.tolerance * abs(key), (values, slip)


@pytest.mark.parametrize("question", NUMBERS, ids=lambda q: q.id)
def test_two_slips_get_different_feedback(question):
    for values in question.combinations():
        for one, other in itertools.combinations([question.slipped(slip, values) for slip in question.slips], 2):
            assert abs(one - other) > question.tolerance * abs(other), values


@pytest.mark.parametrize("question", NUMBERS, ids=lambda q: q.id)
def test_the_answer_as_it_is_written_is_taken(question):
    for seed in range(50):
        asked = draw(question, seed)
        key = question.compute(question.calculation, dict(asked.values))
        assert judge(asked, written(key, question.unit)).points == 1
        assert "{" not in asked.prompt


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Choice)], ids=lambda q: q.id)
def test_a_choice_has_at_least_three_options(question):
    assert len(question.options) >= 3


@pytest.mark.parametrize("chapter", library.chapters())
def test_right_options_are_not_given_away_by_their_length(chapter):
    single = [q for q in library.chapter_of(chapter).questions if q.type == "one"]
    longest = sum(max(q.options, key=lambda option: len(option.text)).right for q in single)
    assert longest <= 0.5 * len(single)


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Open)], ids=lambda q: q.id)
def test_a_model_answer_is_more_than_a_sentence(question):
    assert all(len(text.split()) >= 25 for text in question.models.values())


def test_the_workbook_has_classic_open_questions_with_models_for_seniors():
    own = [q for q in library.chapter_of("15").questions if isinstance(q, Open)]
    assert len(own) >= 8
    assert [q.id for q in own if len(q.rubric) < 4 or not q.red_flags or "senior" not in q.models] == []


def test_every_calculation_is_used():
    used = {
        name for question in NUMBERS
        for name in (question.calculation, *(slip.calculation for slip in question.slips if slip.calculation))
    }  # fmt: skip
    assert set(calculations.CALCULATIONS) == used


def test_the_order_of_times_is_that_of_the_constants():
    order = ("memory_random_ns", "ssd_random_us", "region_us", "hdd_seek_ms", "eu_na_east_ms")
    seconds = [registry().Quantity(constant(name), figures()[name].unit).to("second").magnitude for name in order]
    assert seconds == sorted(seconds) and len(NAMED["wb-order-times"].items) == len(order)


def popular(first: int, count: int, exponent: float = 1.0) -> float:
    """The share of the requests that want one of the *first* most popular of *count* objects (Zipf)."""
    weights = np.arange(1, count + 1) ** -exponent
    return weights[:first].sum() / weights.sum()


def che(room: int, count: int, exponent: float, fifo: bool) -> float:
    """The hit ratio of LRU or FIFO by Che's approximation; Fricker, Robert and Roberts 2012, arXiv:1202.3974."""
    chance = np.arange(1, count + 1) ** -exponent
    chance /= chance.sum()

    def hits(time: float) -> np.ndarray:
        return chance * time / (1 + chance * time) if fifo else -np.expm1(-chance * time)

    return chance @ hits(brentq(lambda time: hits(time).sum() - room, 1, 1e6))


FACTS = [  # figures in the texts, done again: question, what it says, and whether it is so
    ("wb-open-shortener", "About 38 writes and 380 reads a second", round(100e6 * 12 / (365.25 * 86400)) == 38),
    ("wb-open-shortener", "12 billion links in ten years", 100e6 * 12 * 10 == 12e9),
    ("wb-open-shortener", "3.5 × 10¹² keys", round(62**7 / 1e12, 1) == 3.5),
    ("wb-drill-key-length", "Seven characters give 3.5 × 10¹² keys", round(62**7 / 1e12, 1) == 3.5),
    ("wb-drill-peak", "16 % higher", round(100 * (100_000 / 86_400 - 1)) == 16),
    ("wb-deciding-estimates", "more than these 16 %", round(100 * (100_000 / 86_400 - 1)) == 16),
    ("wb-drill-storage", "86.4 GB a day and 31.5 TB a year", round(86.4 * 365 / 1000, 1) == 31.5),
    ("wb-drill-egress", "carries 1.25 GB/s", 10 / 8 == 1.25),
    ("wb-other-index", "a million lookups a second", 5000 * 200 == 1e6),
    ("wb-near-light", "takes 160 ms", constant("eu_singapore_ms") == 160),
    ("wb-near-light", "three times the 50 ms", round(160 / 50) == 3),
    ("wb-open-cache-gone", "ten times its usual reads", round(1 / (1 - 0.9), 6) == 10),
    ("wb-open-timeline", "nearly every view would be slow", 1 - 0.99**300 > 0.95),
    ("wb-open-sockets", "100,000 connections take 2 GB; twenty servers", 100e3 * 20e3 == 2e9 and 2e6 / 100e3 == 20),
    ("wb-open-sockets", "200 s of core", 100e3 * 0.002 == 200),
    ("wb-open-sockets", "eight cores on each of nineteen servers one or two seconds", 1 < 200 / (8 * 19) < 2),
    ("wb-open-primary-gone", "10 s to notice, 2 to decide, 5 to promote, 5 for proxies", 10 + 2 + 5 + 5 < 30),
    ("sc-first-step", "Twice 75 % is 150 %", 2 * 75 == 150),
    ("sc-one-fast", "the fast server needs 14 ms", round(1000 * mmc(30, 0.01, 1).response_s) == 14),
    ("sc-one-fast", "the ten servers 100 ms", round(1000 * mmc(30, 0.1, 10).response_s) == 100),
    (
        "sc-fewer-requests",
        "does 100, 192, 348, 537, 604 and 464",
        [round(usl(n, 0.03, 0.005, 100)) for n in (1, 2, 4, 8, 16, 32)] == [100, 192, 348, 537, 604, 464],
    ),
    ("sc-blast-radius", "fifteen carry on at 53 %", round(50 * 16 / 15) == 53),
    ("sc-after-the-store", "Some 250 µs within a region", constant("region_us") == 250),
    ("sc-which-bend", "levels off at 33 times", round(amdahl_limit(0.03)) == 33),
    (
        "sc-order-curves",
        "3,200, about 1,975, 1,255 and 706",
        [round(usl(32, *each, 100)) for each in ((0, 0), (0.02, 0), (0.05, 0), (0.05, 0.002))]
        == [3200, 1975, 1255, 706],
    ),
    ("sc-order-curves", "within 6 % of each other", usl(2, 0.05, 0.002) / 2 > 0.94),
    (
        "sc-open-no-gain",
        "means that 54 % of the work is serial",
        round(usl(16, 0.543, 0) / usl(8, 0.543, 0), 2) == 1.05,
    ),
    ("sc-open-ten-times", "six times the server's capacity", 10 * 0.6 == 6),
    ("sc-open-ten-times", "ten servers at 65 %", 9 < 10 * 0.6 / 0.65 < 10),
    ("sc-open-ten-times", "at 3 ms of processor each are 6 servers' worth", 0.6 / 200 == 0.003 and 2000 * 0.003 == 6),
    ("sc-open-ten-times", "a hit ratio of 90 % brings it back", round(250 * (1 - 0.9)) == 25),
    ("ca-double-memory", "1,000 most popular answers 76 % of the reads", round(100 * popular(1_000, 10_000)) == 76),
    ("ca-double-memory", "It answers about 84 %", round(100 * popular(2_000, 10_000)) == 84),
    ("ca-double-memory", "from 24 % to 16 % takes a third", round((24 - 16) / 24, 2) == 0.33),
    ("ca-all-at-once", "spread over twenty minutes", 70 - 50 == 20),
    ("ca-number-fall", "From 98 % to 96 % sounds harmless and doubles", (100 - 96) / (100 - 98) == 2),
    (
        "ca-number-ttl",
        "at one read in a lifetime half of them miss",
        calculations.CALCULATIONS["ttl_hit_percent"](1, 1) == 50,
    ),
    ("ca-order-policies", "Perfect LFU hits 30.0 %", round(100 * popular(100, 10_000, 0.8), 1) == 30.0),
    (
        "ca-order-policies",
        "LRU 15.7 % and FIFO 13.4 %",
        [round(100 * che(100, 10_000, 0.8, fifo), 1) for fifo in (False, True)] == [15.7, 13.4],
    ),
    ("ca-open-hits-fell", "95 to 85 is three times", (100 - 85) / (100 - 95) == 3),
    ("ca-open-right-price", "0.5 for the log to reach the other region, 0.5 to be applied, 1", 0.5 + 0.5 + 1 <= 2),
    ("cd-named-by-content", "max-age=31536000", 365 * 86_400 == 31_536_000),
    ("cd-dynamic-help", "Two of three long round trips", calculations.CALCULATIONS["first_byte_ms"](1, 0) == 3),
    ("cd-open-cdn-down", "twenty times its usual load", round(100 / (100 - 95)) == 20),
    ("cd-open-cdn-down", "three hours in two years are 60,000", 3 * 20_000 == 60_000),
    (
        "re-five-copies",
        "Only 3 and 3 fits both",
        [(r, w) for r, w in itertools.product(range(1, 4), repeat=2) if r + w > 5] == [(3, 3)],
    ),
    ("sh-hot-counter", "About 1,900 increments each", round(30_000 / 16, -2) == 1900),
    ("sh-jump-cannot", "About ln n steps, seven at a thousand", round(np.log(1000)) == 7),
    ("sh-open-one-hot-shard", "The mean over shards was 25 %", round((95 + 15 * 20) / 16) == 25),
    ("qu-always-behind", "8.6 million a day", round(100 * 86_400 / 1e6, 1) == 8.6),
    (
        "qu-which-alarm",
        "two seconds at 5,000 a second and a quarter",
        10_000 / 5_000 == 2 and 15 < 10_000 / 10 / 60 < 17,
    ),
    ("qu-nobody-waits-any-more", "a sixth is refused", round(0.2 / 1.2, 4) == round(1 / 6, 4)),
    ("qu-open-lag", "a million an hour is 280 a second", round(1e6 / 3600, -1) == 280),
    ("qu-open-lag", "14 % too little", round(100 * 280 / 2000) == 14),
    ("as-fine-on-average", "Mean 52 %", (2 * 100 + 8 * 40) / 10 == 52),
    ("as-a-new-replica", "At 200 MB/s more than an hour", 800_000 / 200 > 3600),
    ("sh-sixteen-of-them", "About 98.4 % each", round(100 * 0.999**16, 1) == 98.4),
    ("as-just-inside", "64 / 60 is 1.07", round(64 / 60, 2) == 1.07),
    ("as-four-six-four", "Four at 72 % are six at 48 %", 4 * 72 == 6 * 48),
    ("as-highest-of-five", "7, the mean", sum((10, 7, 9, 5, 4)) / 5 == 7),
    ("as-number-forecast", "One deviation covers 84 %", round(100 * NormalDist().cdf(1)) == 84),
    ("as-number-forecast", "plus 1.645 deviations", round(NormalDist().inv_cdf(0.95), 3) == 1.645),
    ("as-open-halve-it", "with a zone lost at 68 %", round(45 * 3 / 2) == 68),
    ("re-open-raft-for-all", "across regions 60 ms or more", constant("na_east_west_ms") == 60),
    ("rs-half-open-flood", "one each are seven a second", round(200 / 30) == 7),
    ("rs-last-in-line", "1,200 wait, which is 12 s", 60 * (120 - 100) == 1200 and 1200 / 100 == 12),
    ("rs-only-one-layer", "asked up to 27 times", 3**3 == 27),
    ("rs-both-at-midnight", "at most 5 + 10 = 15, and still 600 a minute", 5 + 10 == 15 and 10 * 60 == 600),
    ("rs-open-five-retries", "as our gateway tries three times as well it is eighteen", (1 + 5) * 3 == 18),
    ("rs-open-goodput-gone", "moves the limit from 33 % to 91 %", [round(100 / n) for n in (3, 1.1)] == [33, 91]),
    (
        "rs-open-degraded-shop",
        "Eleven at 99.96 % are 99.6 %, three are 99.88 %",
        [round(100 * 0.9996**n, 2) for n in (11, 3)] == [99.56, 99.88],
    ),
    ("rs-open-degraded-shop", "brings four fifths of the way", round((99.88 - 99.6) / (99.95 - 99.6), 1) == 0.8),
    ("ob-mean-of-tails", "which is 0.1 % of all", round(0.01 / 10 * 100, 3) == 0.1),
    ("ob-longest-is-not", "300 + 90, and 10 for the page itself", 300 + 90 + 10 == 400),
    ("ob-number-page-at", "2 % in an hour is 14.4, 5 % in six hours is 6", (0.02 * 720, 0.05 * 720 / 6) == (14.4, 6)),
    ("ob-open-checkout-slo", "the budget is 2,000", round(2e6 * 0.001) == 2000),
    ("ob-open-checkout-slo", "a single failure burns at 25 times", round(1 / 40 / 0.001) == 25),
    ("ob-open-checkout-slo", "we lose 1,400 orders", round(2e6 * 0.0007) == 1400),
    ("ob-open-forty-pages", "a precision of 5 %", 2 / 40 == 0.05),
    ("ob-keep-which-traces", "agree once in 10¹²", round(0.01**6 * 1e12, 6) == 1),
    ("ch-not-enough-room", "each remaining zone gets half as much again", (1 / 2) / (1 / 3) == 1.5),
    ("ch-number-held-so-often", "a chance of more than a third", min((1 - 1 / n) ** n for n in (10, 30, 60)) > 1 / 3),
]


@pytest.mark.parametrize(("name", "said", "so"), FACTS, ids=[said for _, said, _ in FACTS])
def test_a_figure_in_a_text_is_right(name, said, so):
    assert said in NAMED[name].model_dump_json() and so
