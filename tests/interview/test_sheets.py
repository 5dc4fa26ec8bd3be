"""Questions that leave the course: Anki, CSV, Markdown; and those that come in."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from contextlib import closing

import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest
from typer.testing import CliRunner

from minisys import cli
from minisys.grading.progress import Progress
from minisys.interview import anki, library, own, repetition, workbook
from minisys.interview.judge import Verdict, draw
from minisys.interview.points import record
from minisys.interview.reading import Reading
from minisys.interview.sheets import as_csv, as_markdown, sheets
from tests.interview.questions import BANK, items, write

EVIL = """\
chapter: "78"
title: Evil
questions:
  - id: own-evil
    type: one
    level: junior
    family: scale
    goal: stay text
    prompt: "=1+1 <script>alert(1)</script> & `a<b`"
    explanation: "{{c1::x}} <b>bold</b>"
    options:
      - {text: "<img src=x onerror=alert(1)>", right: true, why: "[sound:x.mp3]"}
      - {text: "plain", right: false, why: "no"}
"""


@pytest.fixture
def bank(tmp_path):
    return items(library.load(write(tmp_path)))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder of its own, and a small bank in place of the course's."""
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "home"))
    loaded = library.load(write(tmp_path))
    monkeypatch.setattr(library, "chapter_of", lambda name: loaded)
    monkeypatch.setattr(library, "chapters", lambda: ("77",))
    monkeypatch.setattr(library, "BANK", tmp_path)
    return tmp_path


def opened(folder, *packages):
    """What Anki says after taking *packages* one after the other: notes new and updated each time, and its notes."""
    collection, told = Collection(str(folder / "collection.anki2")), []
    try:
        for path in packages:
            request = ImportAnkiPackageRequest(package_path=str(path), options=ImportAnkiPackageOptions())
            log = collection.import_anki_package(request).log
            told.append((len(log.new), len(log.updated)))
        cards = {card: collection.get_card(card).note() for card in collection.find_cards("")}
        notes = {note.fields[0]: (note.id, note.guid, card, note.fields) for card, note in cards.items()}
        return told, notes
    finally:
        collection.close()


def ids(path):
    """Every id in a package: deck, note type, notes, cards."""
    with zipfile.ZipFile(path) as package, closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(package.read("collection.anki2"))
        return sorted(db.execute("SELECT id, guid, mid FROM notes")), sorted(
            db.execute("SELECT id, nid, did FROM cards")
        )


def test_anki_holds_every_question_of_the_bank(tmp_path):
    every = library.items()  # of the readings, each of which is a simulation, one from each scenario
    first = {item.question.scenario: item for item in reversed(every) if isinstance(item.question, Reading)}
    there = [item for item in every if not isinstance(item.question, Reading) or item in first.values()]
    assert anki.package(there, tmp_path / "all.apkg") == len(there)
    told, notes = opened(tmp_path, tmp_path / "all.apkg")
    assert told == [(len(there), 0)] and set(notes) == {item.question.id for item in there}
    assert {item.question.type for item in there} >= {"one", "several", "number", "ordering", "open", "reading"}
    assert all(front and back for _, _, _, (_, front, _, back, _) in notes.values())


def test_exporting_again_changes_no_id_and_importing_again_updates(bank, tmp_path):
    first, second = tmp_path / "first.apkg", tmp_path / "second.apkg"
    anki.package(bank, first, now_s=1.8e9)
    changed = bank[0].question.model_copy(update={"prompt": "Which is right now?"})
    anki.package([*reversed(bank[1:]), bank[0]._replace(question=changed)], second, now_s=1.8e9 + 60)
    assert ids(first) == ids(second) and len({row[0] for row in ids(first)[0]}) == len(bank)
    before = opened(tmp_path, first)[1]
    told, after = opened(tmp_path, first, second)
    assert told[1] == (0, len(bank))
    assert {name: note[:3] for name, note in after.items()} == {name: note[:3] for name, note in before.items()}
    assert "Which is right now?" in after["t-one"][3][1]


def test_every_type_has_what_is_asked_in_front_and_what_is_said_behind(bank):
    given = {sheet.item.question.id: sheet for sheet in sheets(bank)}
    for sheet in given.values():
        assert "EXPLAINED" in sheet.back() and "EXPLAINED" not in sheet.front() and "WHY" not in sheet.front()
    assert "- Right: Left: WHY-LEFT" in given["t-one"].back() and "- Wrong: Beta: WHY-BETA" in given["t-several"].back()
    assert "400 writes a second" in given["t-drill"].front() and "STEP-LOST: 400 × 0.3 s" in given["t-drill"].back()
    assert "First → Second → Third → Fourth" in given["t-ordering"].back()
    assert "MODEL-SENIOR" in given["t-open"].back() and "Red flag: FLAG-MAGIC" in given["t-open"].back()


def test_texts_stay_texts_in_every_form(tmp_path):
    evil = items(library.load(write(tmp_path, EVIL, "78_evil.yaml")))
    anki.package(evil, tmp_path / "evil.apkg")
    _, notes = opened(tmp_path, tmp_path / "evil.apkg")
    fields = " ".join(notes["own-evil"][3])
    assert "<script" not in fields and "<img" not in fields and "&lt;script&gt;" in fields
    assert "<code>a&lt;b</code>" in fields
    text = as_markdown(sheets(evil))
    assert "<script" not in text and "<img" not in text
    [row] = csv.DictReader(io.StringIO(as_csv(sheets(evil))))
    assert row["front"].startswith("'=1+1") and row["id"] == "own-evil"


def test_csv_and_markdown_hold_every_question(bank):
    rows = list(csv.DictReader(io.StringIO(as_csv(sheets(bank)))))
    assert [row["id"] for row in rows] == [item.question.id for item in bank]
    text = as_markdown(sheets(bank))
    assert all(f"### {item.question.id} · " in text for item in bank) and text.count("<details>") == len(bank)


def test_own_questions_are_taken_asked_repeated_and_exported(home):
    source = write(home, BANK.replace("id: t-", "id: my-"), "mine.yml".replace("yml", "yaml"))
    told = CliRunner().invoke(cli.app, ["quiz", "--add", str(source)])
    assert told.output.startswith("6 questions are yours now")
    assert len(own.every()) == 12 and len(own.every("own")) == 6 and ("own", "my-one") in own.known()
    progress, item = Progress(), own.items()[0]
    record(progress, item.chapter, draw(item.question, 0), Verdict(0.0, "", "", ""), "sure")
    later = repetition.queue(progress, now_s=4e9, known=own.known())
    assert [card[:2] for card in later.cards] == [("own", "my-one")]
    assert anki.export(home / "own.md", "own") == 6 and "my-open" in (home / "own.md").read_text()
    asked = CliRunner().invoke(cli.app, ["quiz", "own", "--count", "1", "--level", "junior"], input="1\n\n")
    assert "1 of 1, junior level" in asked.output and "for 1 questions" in asked.output


@pytest.mark.parametrize(
    ("text", "said"),
    [(BANK, "t-one: this id is taken in 77"), ("chapter: 3\nquestions: []", "line 1"), (": [", "not YAML"),
     (BANK.replace("id: t-", "id: my-").replace("right: true, why: WHY-LEFT", "right: 2.5, why: x"), "my-one"),
     ("x: &a [*a]", "mine.yaml"), ("!!python/object/apply:os.system ['true']", "mine.yaml")],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused_with_its_place(home, text, said):
    with pytest.raises(ValueError, match=said):
        own.add(write(home, text, "mine.yaml"))
    assert own.items() == ()


def test_what_is_no_yaml_file_is_refused(home):
    (home / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8|not YAML"):
        own.add(home / "x.yaml")
    for name in ("nowhere.yaml", "questions.txt"):
        with pytest.raises(ValueError, match="not a YAML file"):
            own.add(home / name)
    with pytest.raises(ValueError, match="no questions of your own"):
        own.every("own")


def test_the_queue_is_asked_in_page_and_terminal(home, monkeypatch):
    assert "Nothing to repeat yet" in CliRunner().invoke(cli.app, ["quiz", "--due"]).output
    assert "Nothing to repeat yet" in str(workbook.due())
    item = library.items()[0]
    record(Progress(), item.chapter, draw(item.question, 0), Verdict(0.0, "", "", ""), "")
    monkeypatch.setattr(repetition.time, "time", lambda: 4e9)
    assert workbook.due()._items == (item,)
    asked = CliRunner().invoke(cli.app, ["quiz", "--due"], input="1\ns\n")
    assert "Today's queue: 1 questions" in asked.output
    assert Progress().history("question")[-1].detail["confidence"] == "sure"


def test_cards_goes_by_the_name_of_the_file(home):
    done = CliRunner().invoke(cli.app, ["cards", str(home / "all.csv")])
    assert done.exit_code == 0 and "6 questions written" in done.output
    refused = CliRunner().invoke(cli.app, ["cards", str(home / "all.pdf")])
    assert refused.exit_code == 2 and "Traceback" not in refused.output
