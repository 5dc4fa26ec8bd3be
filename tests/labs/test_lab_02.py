"""Lab 02: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import linecache
import math
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading import checks
from minisys.grading.checks import check
from minisys.grading.lab_02 import carts, fitting, own_source, planning, predicting, throughput

FILES = [Path(__file__).with_name(name) for name in ("wrong_02.py", "wrong_02_servers.py")]
answers = SimpleNamespace(**{name: made for file in FILES for name, made in runpy.run_path(str(file)).items()})


@pytest.fixture
def no_processes(monkeypatch):
    """Processes are left to the live tests below: here only the other checks of a task run."""
    kept = {number: tuple(each for each in task.checks if each.run not in LIVE) for number, task in TASKS.items()}
    monkeypatch.setattr(checks, "tasks_of", lambda lab: [replace(TASKS[n], checks=kept[n]) for n in TASKS])


TASKS = {task.number: task for task in checks.tasks_of("02")}
LIVE = (throughput.is_not_fooled_by_a_closed_loop, carts.lives_as_processes)


WRONG = [
    # task, answer, what the report must say
    (1, answers.sixteen(0.5), "that is for sixteen servers with a queue each"),
    (1, answers.sixteen(0.9375), "that is the wait of those who wait"),
    (1, answers.sixteen(0.872), "there half of the requests wait"),
    (1, answers.sixteen(0.97), "three loads around the place where the wait passes 1.0"),
    (1, answers.sixteen(95), "a share of the capacity of all sixteen"),
    (1, lambda: 0.95, "a dict with the keys 'predicted', 'measured' and 'because'"),
    (1, answers.sixteen(0.95, "Less waiting."), "at least 6"),
    (1, answers.sixteen(0.95, "Because many things are together than few " * 2), "nothing about waiting"),
    (1, answers.sixteen(0.95, predicted="a lot"), "your guess, whatever it was"),
    (2, lambda: 440, "that keeps the same share of spare servers"),
    (2, lambda: 410, "that keeps the same 10 spare servers"),
    (2, lambda: 400, "the queue grows for ever"),
    (2, lambda: 560, "as the square root of the load, not as its square"),
    (2, lambda: "twenty more", "a number of servers"),
    (3, answers.counts_whoever_finished, "refused and timed out requests did no work"),
    (3, answers.counts_who_was_sent, "you count requests sent"),
    (3, answers.counts_ok_by_sending, "whenever they were sent"),
    (3, answers.cuts_at_both_ends, "you leave out those sent before the window"),
    (3, answers.takes_the_whole_run, "that is the whole run"),
    (3, answers.divides_by_the_whole_run, "divide by the length of the window"),
    (3, answers.forgets_the_seconds, "a number of requests; divide by the seconds"),
    (3, answers.counts_all_ok, "the answers of the whole run"),
    (3, answers.prints_it, "one number: requests a second"),
    (4, answers.fits_a_parabola, "that is the fit of n / x, a parabola"),
    (4, answers.fixes_gamma, "you took the first measurement for gamma"),
    (4, answers.stops_at_amdahl, "that is Amdahl's law: beta is missing"),
    (4, answers.squares_n, "the last term is beta n (n - 1)"),
    (4, answers.forgets_minus_one, "the middle term is alpha (n - 1)"),
    (4, answers.fits_the_speed_up, "gamma must be in the units of x"),
    (4, answers.swaps, "right coefficients in another order"),
    (4, answers.without_bounds, "set bounds of 0"),
    (4, answers.two_of_three, "three numbers: alpha, beta, gamma"),
    (6, answers.without_a_spare, "N + 1 means that N keep the objective"),
    (6, answers.doubles_everything, "would have been enough, the spare one counted"),
    (6, answers.plans_for_the_mean, "for p99 of the work alone, however many there are"),
    (6, answers.just_enough_to_keep_up, "the mean keeps the objective, the 99th percentile does not"),
    (6, answers.half_busy, "a large pool may be busier than a small one"),
    (6, answers.always_the_fastest, "compare whole plans, for every offer"),
    (6, answers.a_queue_each, "at most 15% above"),
    (6, answers.ignores_the_impossible, "more servers shorten the wait, not the work"),
    (6, answers.only_the_number, "(name, servers) such as ('small', 3)"),
    (7, answers.InMemory, "what one server remembers, the others do not know"),
    (7, answers.NamesTheServer, "what one server remembers, the others do not know"),
    (7, answers.RemembersCounts, "what one server remembers, the others do not know"),
    (7, answers.CountsUp, "a put that counts up counts twice"),
    (7, answers.FallsBack, "let StoreDown through"),
    (7, answers.OneCartForAll, "each user has a cart"),
    (7, answers.ForgetsAwait, "`await` the store"),
    (7, answers.ForgetsReturn, "`return` it"),
    (7, answers.NotAsync, "a coroutine: `async def`"),
]


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
@pytest.mark.usefixtures("no_processes")
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    report = check("02", task, answer, progress=progress)
    assert not report.complete
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in str(report), report


@pytest.mark.parametrize(
    "predict, best_n, told",
    [
        (answers.draws_a_line, answers.peak, "that is the straight line itself"),
        (answers.uses_amdahl, answers.peak, "with beta 0 the curve can only rise"),
        (answers.scales_linearly, answers.peak, "the throughput of one worker times n"),
        (answers.repeats_the_last, answers.peak, "that is the last measurement again"),
        (answers.draws_a_parabola, answers.peak, "that is a polynomial"),
        (answers.predicts_the_old, answers.peak, "one for each n_new"),
        (answers.forgets_gamma, answers.peak, "that is a speed-up; multiply by gamma"),
        (answers.predicts, answers.peak_of(lambda a, b: math.sqrt(1 / b)), "the 1 - alpha is missing"),
        (answers.predicts, answers.peak_of(lambda a, b: (1 - a) / b), "the square root is missing"),
        (answers.predicts, answers.peak_of(lambda a, b: 1 / a), "where linear scaling would meet Amdahl's limit"),
        (answers.predicts, answers.best_measured, "the best of the points you measured"),
        (answers.predicts, answers.always_a_peak, "answer np.inf"),
        (answers.predicts, answers.highest_throughput, "not the number of workers"),
    ],
)
def test_a_wrong_prediction_is_told_why(progress, predict, best_n, told):
    report = check("02", 5, predict, best_n, progress=progress)
    assert not report.complete
    assert told in str(report), report


@pytest.mark.parametrize(
    "task, answer",
    [
        (1, (answers.sixteen(0.95),)),
        (1, (answers.sixteen(0.945, predicted=1.0),)),
        (2, (lambda: 421,)),
        (2, (lambda: 420.0,)),
        (3, (answers.counts_row_by_row,)),
        (3, (answers.sorts_the_answers,)),
        (4, (answers.fits_by_least_squares,)),
        (4, (answers.fits_on_a_grid,)),
        (5, (answers.predicts_one_by_one, answers.whole_peak)),
        (6, (answers.plans_by_formula,)),
        (6, (answers.plans_by_simulation,)),
        (7, (answers.StoreOnly,)),
        (7, (answers.Together,)),
    ],
)
@pytest.mark.usefixtures("no_processes")
def test_a_right_answer_written_another_way_passes(progress, task, answer):
    report = check("02", task, *answer, progress=progress)
    assert report.complete, report


@pytest.mark.live
def test_a_closed_loop_of_refused_users_fools_who_counts_them():
    with pytest.raises(checks.Wrong) as wrong:
        throughput.is_not_fooled_by_a_closed_loop(answers.counts_whoever_finished)
    assert "refused" in wrong.value.facts["look"]
    assert float(wrong.value.facts["came out"].split()[0]) > 2 * throughput.CAPACITY_PER_S


@pytest.mark.live
def test_a_killed_process_takes_the_carts_of_whoever_keeps_them_in_the_class():
    with pytest.raises(checks.Wrong) as wrong:
        carts.lives_as_processes(answers.OneForAll)
    assert "carts were lost" in wrong.value.facts["came out"]
    assert "a variable of the class" in wrong.value.facts["look"]


def test_a_class_that_needs_another_cell_is_told_so():
    text = (
        "import math\nclass Mine:\n    async def put(self):\n        return helper()\n    __init__ = lambda *_: None\n"
    )
    linecache.cache["<alone>"] = (len(text), None, text.splitlines(True), "<alone>")
    names: dict = {}
    exec(compile(text, "<alone>", "exec"), names)
    found = own_source.cell_of(names["Mine"])
    assert "class Mine" in found and "import math" not in found, "what the class does not name stays behind"
    with pytest.raises(checks.NotRun, match="define it in a notebook cell"):
        own_source.cell_of(type("Nowhere", (), {}))
    with pytest.raises(checks.Wrong) as wrong:
        carts.stands_alone("class MyCarts:\n def __init__(self, *_): pass\n async def put(self, *_): return helper()\n")
    assert "helper" in wrong.value.facts["came out"]


def test_an_endless_plan_is_stopped_and_named(progress, monkeypatch):
    short = replace(TASKS[6], checks=(replace(TASKS[6].checks[0], limit_s=0.5),))
    monkeypatch.setattr(checks, "tasks_of", lambda lab: [short])
    text = str(check("02", 6, answers.never_ends, progress=progress))
    assert "stopped after 0.5 s, in never_ends, line" in text and "an endless loop?" in text


def test_no_case_of_a_plan_is_decided_by_luck():
    for load_per_s, slo_s in planning.cases():
        offer, servers = planning.cheapest(load_per_s, slo_s, planning.OFFERS)
        assert planning.p99_simulated(offer, servers - 1, load_per_s) < planning.LUCK * slo_s
        assert planning.p99_simulated(offer, servers - 2, load_per_s) > planning.LUCK * slo_s
    names = {planning.cheapest(*case, planning.OFFERS)[0].name for case in planning.cases()}
    assert len(names) > 1, "one kind of server wins everywhere, so nobody has to choose"


def test_every_unseen_law_can_be_found():
    for seed in range(fitting.SETS):
        n, x, made_with = fitting.unseen(seed, 0.0)
        assert len(n) >= 8 and n[0] == 1
        assert fitting.reference(n, x) == pytest.approx(made_with, rel=1e-4)


def test_the_law_beats_its_rivals_on_every_data_set():
    for held in predicting.data_sets():
        mine = predicting.error(predicting.the_law(held.n, held.x, held.n_new), held)
        assert all(
            mine < predicting.error(rival(held.n, held.x, held.n_new), held) for rival in predicting.RIVALS.values()
        )
