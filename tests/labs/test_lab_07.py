"""Lab 07: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading.checks import check
from minisys.grading.lab_07 import moving

HERE = Path(__file__).parent
_found = [runpy.run_path(str(HERE / f"wrong_07{part}.py")) for part in ("", "_keys")]
answers = SimpleNamespace(**{**_found[0], **_found[1]})
numbers, points, field = answers.numbers, answers.points, answers.field

WRONG = [
    # task, answer, what the report must say
    (1, numbers(modulo=200_000), "that many stay"),
    (1, numbers(modulo=750_000), "count 20 consecutive keys"),
    (1, numbers(ring=250_000), "a fifth of the whole, not a quarter"),
    (1, numbers(ring=800_000), "nothing moves between shards that were there before"),
    (1, numbers(slots=4_096), "each of five has 16,384 / 5"),
    (1, numbers(slots=3_277), "the newcomer moves least with 3,276"),
    (1, numbers(slots=200_000), "slots move here, not keys"),
    (1, numbers(death=0), "must belong to somebody"),
    (1, numbers(death=250_000), "each of five shards had a fifth"),
    (1, numbers(ring=201_300), "a sample strays"),
    (1, numbers(modulo=799_600), "have an exact number"),
    (1, numbers(slots=0.2), "slots: 0.2"),
    (1, lambda: 800_000, "a dict with the keys modulo, ring, slots, death"),
    (2, points(1), "one point each: the gaps between eight random points"),
    (2, points(44), "strays by about 1/sqrt(points) = 15%"),
    (2, points(150), "95, and 5 less may be chance: 90 is enough"),
    (2, points(2_000), "falls with the square root"),
    (2, points(100_000), "thousands at most"),
    (2, points(0.15), "a whole number"),
    (3, answers.ignores_loads, "it is full; the next point is a's at 30"),
    (3, answers.emptiest, "the first point at or after 15 is 20"),
    (3, answers.one_too_many, "b holds 3 and may hold 3"),
    (3, answers.one_too_few, "there is room for one more"),
    (3, answers.does_not_go_round, "on[number % len(on)]"),
    (3, answers.falls_off_the_end, "the ring goes on at the first"),
    (3, answers.none_behind_the_last, "the ring goes on at the first"),
    (3, answers.strictly_after, "a point at the key itself counts"),
    (3, answers.tries_two, "go on until somebody has room"),
    (3, answers.full_goes_to_the_emptiest, "the next on the ring with room, not the emptiest"),
    (3, answers.point_not_shard, "a name, such as 'a'"),
    (3, answers.counts_itself, "the caller counts the key"),
    (3, answers.says_nothing, "is there a `return`?"),
    (4, answers.forgets_asking, "b lets you in only with asking=True"),
    (4, answers.forgets_the_table, "MOVED is for good"),
    (4, answers.takes_ask_for_moved, "ASK is for this question only"),
    (4, answers.takes_try_again_for_an_answer, "TRYAGAIN is no answer"),
    (4, answers.keeps_asking, "after MOVED ask as usual"),
    (4, answers.gives_up_after_fifteen, "question 16 is answered, and 16 may be asked"),
    (4, answers.never_gives_up, "count, and give up"),
    (4, answers.asks_for_none_again, "an ('ok', …) ends it"),
    (4, answers.gives_the_pair, "only the value"),
    (4, answers.one_redirection, "whoever calls must learn of it"),
    (4, answers.tries_errors_again, "an error stays one"),
    (4, answers.says_nothing, "return the value of ('ok', value)"),
    (5, answers.sign_before_door, "IMPORTING at the target comes first, then MIGRATING"),
    (5, answers.no_importing, "a pointed to b before b let anybody in"),
    (5, answers.no_migrating, "send it MIGRATING before the first MIGRATE"),
    (5, answers.hands_over_first, "before any SETSLOT NODE"),
    (5, answers.one_batch, "ask GETKEYSINSLOT and MIGRATE again until the answer is empty"),
    (5, answers.all_at_once, "ask GETKEYSINSLOT and MIGRATE again until the answer is empty"),
    (5, answers.old_owner_first, "the new owner hears SETSLOT NODE first"),
    (5, answers.forgets_the_old_owner, "until then it says ASK"),
    (5, answers.forgets_the_hand_over, "SETSLOT NODE at the target hands the slot over"),
    (5, answers.copies_by_hand, "copying by hand leaves a gap"),
    (5, answers.never_ends, "does your loop stop when no keys are left?"),
    (5, answers.returns_a_list, "write `yield shard, words`"),
    (5, answers.yields_words_only, "yield a shard and a tuple of words"),
    (5, answers.unknown_word, "SETSLOT knows IMPORTING, MIGRATING, NODE and STABLE"),
]

BUSINESS = [
    # number of the answer, the answer, likes_of or None, what the report must say
    (0, field("order"), None, "a question knows customer only; without 'order'"),
    (0, field("customer", "line"), None, "differ in line, article: leave that out"),
    (0, field("hour"), None, "without 'hour' it must be sent to every shard"),
    (0, field("merchant"), None, "of whom are there thousands here?"),
    (0, lambda row: 1, None, "fewer keys than shards: 1 for 16"),
    (1, field("tenant"), None, "a large tenant must be cut up"),
    (1, field("project"), None, "project 1 of all tenants is the same key"),
    (1, field("tenant", "document"), None, "differ in document"),
    (1, field("user"), None, "a question knows tenant and project only"),
    (1, answers.no_answer, None, "is there a `return`?"),
    (2, field("video"), answers.just_the_video, "cut the video into parts"),
    (2, answers.two_parts, answers.two_texts, "cut the video into parts"),
    (2, lambda row: row["viewer"] % 8, lambda video: range(8), "fewer keys than shards: 8 for 16"),
    (2, lambda row: row["second"] // 3600, lambda video: range(24), "the other fifteen rest"),
    (2, answers.hundred_parts, answers.all_hundred, "so many parts that every shard is asked"),
    (2, answers.eight_parts, answers.three_of_eight, "likes_of must name every key"),
    (2, answers.eight_parts, lambda video: str(video), "a list of keys"),
]


@pytest.fixture(autouse=True)
def no_live_cluster(monkeypatch):
    """The live check has a test of its own in tests/sharding; here its judgement comes from the model alone."""
    monkeypatch.setattr(moving, "find_spec", lambda name: None)


def told_why(report, told):
    assert not report.complete, report
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in " ".join(str(report).split()) or told in str(report), report


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    told_why(check("07", task, answer, progress=progress), told)


@pytest.mark.parametrize("number, answer, of, told", BUSINESS, ids=[f"{n}-{told[:30]}" for n, _, _, told in BUSINESS])
def test_a_wrong_shard_key_is_told_why(progress, number, answer, of, told):
    told_why(check("07", 6, *answers.answers(number, answer, of), progress=progress), told)


@pytest.mark.parametrize(
    "task, given",
    [
        (1, (numbers(800_000.0, 200_000.0, 3276, 200_000),)),
        (2, (points(250),)),
        (3, (answers.step_by_step,)),
        (4, (answers.follows,)),
        (6, answers.answers(2, answers.drawn_part, answers.text_parts)),
        (6, answers.answers(2, answers.six_parts, answers.six_tuples)),
        (6, answers.answers(1, answers.hashed_tenant_project)),
    ],
)
def test_a_right_answer_written_another_way_passes(progress, task, given):
    report = check("07", task, *given, progress=progress)
    assert report.complete, report


def test_a_right_mover_written_another_way_passes_all_but_what_cannot_run_here(progress):
    report = check("07", 5, answers.key_by_key, progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed"] * 5 + ["not run"]
    assert "redis-py" in str(report)
