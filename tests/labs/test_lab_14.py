"""Lab 14: designs with one decision spoilt are told which, other designs that hold pass."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.run import run
from minisys.design.text import read
from minisys.design.traffic import Traffic
from minisys.grading.checks import check
from minisys.grading.lab_14 import business, final
from minisys.grading.lab_14.report import NoReport, report

it = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_14.py"))))
paper, text, app, part, inline = it.paper, it.text, it.app, it.part, it.inline
EASY = f"{it.READS}, {it.WRITES}, {it.CHARGE}"
HARD_CACHE = EASY.replace(", optional: yes", "")
IMPATIENT = EASY.replace("500 ms}", "60 ms, attempts: 4}").replace("timeout: 1 s}", "timeout: 60 ms, attempts: 4}")
TRIES = EASY.replace("500 ms}", "500 ms, attempts: 3}", 1).replace("timeout: 1 s", "timeout: 1 s, attempts: 5")
STORM = it.PARTS["gate"].replace(
    "timeout: 2 s, attempts: 2, backoff: 50 ms, budget: 10 %", "timeout: 300 ms, attempts: 4"
)
EVERYWHERE = {name: body.replace(f"{it.ZONES}, ", "") for name, body in it.PARTS.items()}

WRONG = [
    (1, paper(peak=92.6), "13.5 % of the day, not 1/24"),
    (1, paper(peak=270), "came out 270 clicks a second expected more than that"),
    (1, paper(peak=270), "two writes a ride are clicks"),
    (1, paper(busy=9000), "30 ms are 0.03 s"),
    (1, paper(copies=4), "how many stand there before?"),
    (1, paper(copies=12), "half of it would do"),
    (1, paper(line=180_000), "looks at the map are not charged"),
    (1, paper(busy="9"), "a number, without quotation marks"),
    (1, paper(drain=300), "30 new ones come each second"),
    (1, paper(gb=292), "three copies"),
    (1, paper(gb=1000), "writes a day x days"),
    (1, lambda: {"peaks": 300}, "not asked for: peaks"),
    (1, lambda: 300, "a dict with the keys peak"),
    (2, part("app", "service", "servce"), "did you mean 'service'?"),
    (2, lambda: None, "is there a `return`?"),
    (2, text(regions="{Frankfurt: [fra-a, fra-b, fra-c], Madrid: [mad-a]}"), "copy the line `regions:`"),
    (2, part("app", "30 ms", "3 ms"), "30 ms or more"),
    (2, part("gate", "takes: 0.3 ms, ", ""), "write `takes: 0.3 ms`"),
    (2, part("bank", "99.5", "100"), "that is a fact, not a decision"),
    (2, part("near", "70 %", "95 %"), "what is older than a second is wrong"),
    (2, part("app", "workers", "machine: small, workers"), "billed as one virtual CPU"),
    (2, app(f"{it.READS}, {it.WRITES}", charges=None, payers=None), "0 charges a second that reach the bank"),
    (2, app(EASY.replace("timeout: 1 s", "timeout: 1 s, optional: yes")), "the call from app to db is optional"),
    (2, app(base=f"{it.APP}, autoscaler: {{low: 2, high: 9, boot: 1 s}}"), "needs that long to start"),
    (2, app(copies=3), "most is waited for at app"),
    (2, app(copies=4), "app is full at 1.33 times the traffic"),
    (3, app(base=it.APP.replace(it.ZONES, "zones: [fra-a]")), "app stands nowhere else. Spread the copies over zones"),
    (3, part("db", "copies: 3, replication: raft, failover: 5 s", "copies: 1"), "Replicate to another zone"),
    (3, part("db", "replication: raft, failover: 5 s", "replication: semi-sync"), "a person has to promote"),
    (3, part("db", "replication: raft", "replication: async"), "confirmed writes are gone"),
    (3, part("db", it.ZONES, "zones: [fra-a, fra-b]"), "db has no majority left"),
    (3, part("charges", "takes", "durable: no, takes"), "a durable queue"),
    (3, app(copies=4), "what is left of app in Frankfurt would be busy to 100 %"),
    (3, part("gate", "copies: 3", "copies: 1"), "gate stands nowhere else. Run at least two copies"),
    (3, text(**EVERYWHERE), "what is left of app in Frankfurt"),
    (4, inline("{to: bank, on: writes}"), "Give the call a timeout"),
    (4, inline("{to: bank, on: writes, timeout: 80 ms, optional: yes}"), "call to the bank is `optional`: if it fails"),
    (4, part("payers", it.AGAIN, "{to: bank, timeout: 2 s}"), "longer `backoff` on its call to the bank"),
    (4, part("payers", "workers: 4", "workers: 1"), "when is the line worked off?"),
    (4, part("charges", "limit: 50000", "limit: 100"), "charges is full after 3 s of the bank's absence"),
    (4, app(HARD_CACHE), "A cache should be `optional`"),
    (4, app(base=it.APP.replace("queue: 60, ", "")), "unbounded queue at app"),
    (4, app(EASY.replace("on: reads, timeout: 100 ms", "on: reads")), "missing timeout at near"),
    (4, app(IMPATIENT, gate=STORM), "gate to app: attempts 4. The smaller app is"),
    (4, app(TRIES), "app to db on misses: attempts 3; app to db on writes: attempts 5. The smaller db is"),
    (5, app(copies=9), "most of it for app 635"),
    (5, part("db", "workers: 4", "workers: 8"), "2,408 dollars a month"),
    (5, app(copies=5), "what is left of app in Frankfurt would be busy to 100 %"),
    (6, part("db", "replication: raft", "replication: async"), "rpo: 200 ms"),
    (6, part("payers", it.ZONES, "zones: [fra-a]"), "never charged"),
    (6, part("gate", "timeout: 2 s", "timeout: 90 ms"), "is a timeout shorter than the work"),
    (6, app(copies=9), "cost: $2,339"),
]

RIGHT = [
    (1, paper(peak=300.2)),
    (2, inline("{to: bank, on: writes}")),
    (6, it.no_cache()),
    (6, it.edge_first()),
    (5, it.grows()),
    (4, it.two_services()),
    (5, app(copies=3, base=it.APP.replace("workers: 3", "workers: 5"))),
]


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_spoilt_decision_is_told(progress, task, given, told):
    report = check("14", task, given, progress=progress)
    assert any(outcome.state == "failed" for outcome in report.outcomes), report
    assert told in " ".join(str(report).split()), report


def test_two_mistakes_are_told_at_once(progress):
    hasty = it.PARTS["payers"].replace(it.AGAIN, "{to: bank, timeout: 2 s}")
    said = " ".join(str(check("14", 4, app(HARD_CACHE, payers=hasty), progress=progress)).split())
    assert "2 failed" in said and "longer `backoff` on its call to the bank" in said
    assert "A cache should be `optional`" in said


def test_without_a_design_nothing_else_is_looked_at(progress):
    states = [outcome.state for outcome in check("14", 4, part("app", "30 ms", "3 ms"), progress=progress).outcomes]
    assert states == ["failed", *["not run"] * 5]


@pytest.mark.parametrize("task, given", RIGHT, ids=[f"{number}-{task}" for number, (task, _) in enumerate(RIGHT)])
def test_another_design_that_holds_passes(progress, task, given):
    report = check("14", task, given, progress=progress)
    assert report.complete, report


def test_what_a_check_says_was_given_plays_the_same_run_again(progress):
    answer = part("payers", it.AGAIN, "{to: bank, timeout: 2 s}")
    names = {"run": run, "read": read, "text": answer(), "Fault": Fault, "FaultPlan": FaultPlan, "Traffic": Traffic}
    design = business.design_of(answer)
    scenes = [final.evening(design, seed) for seed in final.EVENINGS]
    assert {bool(scene.surge) for scene in scenes} == {True, False}
    for scene in scenes[:4]:
        again, mine = eval(str(scene), names), scene.play(design)
        assert again.trace.frame.equals(mine.trace.frame)
    failed = next(each for each in check("14", 4, answer, progress=progress).outcomes if each.state == "failed")
    assert str(failed.facts["given"]).startswith("seen = run(read(text), None, FaultPlan([Fault('errors', 'bank'")


def test_the_evenings_hold_every_kind_of_trouble():
    scenes = [final.evening(business.design_of(text()), seed) for seed in final.EVENINGS]
    seen = {(scene.faults[0].kind, scene.faults[0].target) for scene in scenes}
    assert {("zone loss", f"fra-{zone}") for zone in "abc"} <= seen
    assert {("slow answers", "bank"), ("errors", "bank"), ("cache flush", "near"), ("kill", "near")} <= seen
    assert not any(scene.surge and scene.faults[0].kind == "zone loss" for scene in scenes)


def test_the_report_is_one_printable_page_also_of_a_design_that_misses_something(tmp_path):
    own = report(app(copies=9))
    file, pdf = own.save(tmp_path, pdf=False)
    assert own.saved() == "lab-14-design.html: in the folder reports of your data"
    page = file.read_text("utf-8")
    assert pdf is None and own.headline() in page and page.count("<svg") == 1 and page.count("<table") == 4
    assert "@media print" in page and "http" not in page.replace("http://www.w3.org", "")
    for number in (
        "zone loss, fra-a",
        "$2,339",
        "kind: workers",
        "beyond the promise",
        "6 of 7 objectives kept",
        "misses cost",
    ):
        assert number in page
    assert own.headline() in own.text() and "Evenings it had not seen" in own.html()


def test_without_a_design_there_is_a_word_instead_of_a_report():
    def not_yet():
        raise NotImplementedError

    assert isinstance(report(not_yet), NoReport) and "once task 6 is written" in report(not_yet).saved()
    assert "No report yet: came out takes: 3 ms" in report(part("app", "30 ms", "3 ms")).text()
