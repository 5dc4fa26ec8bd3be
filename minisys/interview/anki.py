"""The questions as a package for Anki, the flash-card program many already have on the phone.

Promised: one note and one card a question, of every type; charts travel along as media. Deck, note type, note and card
keep their ids from export to export, so importing again updates what is there and keeps Anki's own schedule. Texts are
escaped: nothing in a question becomes HTML. Not done: bringing answers back from Anki.
Sources: the `genanki` package; docs.ankiweb.net, "importing" (notes are matched by their guid).
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import genanki

from minisys.interview import own
from minisys.interview.families import FAMILIES
from minisys.interview.library import Item
from minisys.interview.sheets import Sheet, as_csv, as_markdown, html, sheets

MODEL_ID, DECK_ID = 1_701_202_611, 2_010_202_600  # drawn once, never changed; a family's deck adds its number
FIRST_ID, IDS = 1_600_000_000_000, 50_000_000_000  # Anki's ids are milliseconds since 1970; ours lie in 2020 to 2023
CSS = """.card { font-family: system-ui, sans-serif; font-size: 18px; text-align: left; line-height: 1.45; }
.where { color: #6b7280; font-size: 13px; } img { max-width: 100%; } code { font-size: 0.95em; }"""
FRONT = '<div class="where">{{About}}</div>{{Front}}{{Picture}}'
FIELDS = ("Id", "Front", "Picture", "Back", "About")


class _Note(genanki.Note):
    """A note whose ids follow from its guid, whatever else is in the package."""

    def write_to_db(self, cursor: Any, timestamp: float, deck_id: int, id_gen: Iterator[int]) -> None:
        own = FIRST_ID + int(self.guid, 16) % IDS * 2  # two: the note's and its one card's
        super().write_to_db(cursor, timestamp, deck_id, itertools.count(own))


def package(items: Iterable[Item], path: str | os.PathLike[str], *, now_s: float | None = None) -> int:
    """Write *items* as an Anki package (.apkg) to *path*; returns the number of cards.

    *now_s* (seconds since 1970) is when the notes were changed, by default now: Anki updates a note from a package
    that is newer. Raises ValueError if there is nothing to write.
    """
    given = sheets(items)
    if not given:
        raise ValueError("no questions: nothing to export")
    with tempfile.TemporaryDirectory() as folder:
        files = _pictures(given, Path(folder))
        whole = genanki.Package(_decks(given), media_files=files)
        _write(whole, Path(path), Path(folder), time.time() if now_s is None else now_s)
    return len(given)


def _write(whole: genanki.Package, path: Path, folder: Path, now_s: float) -> None:
    """What genanki's own write_to_file does, which leaves its database behind in the system's temporary folder."""
    with closing(sqlite3.connect(folder / "collection.anki2")) as db:
        whole.write_to_db(db.cursor(), now_s, itertools.count(int(now_s * 1000)))
        db.commit()
    with zipfile.ZipFile(path, "w") as file:
        file.write(folder / "collection.anki2", "collection.anki2")
        file.writestr("media", json.dumps({number: Path(name).name for number, name in enumerate(whole.media_files)}))
        for number, name in enumerate(whole.media_files):
            file.write(name, str(number))


def export(path: str | os.PathLike[str], chapter: str | int | None = None) -> int:
    """Write the questions of *chapter* ("own" for one's own, None for all) to *path*; returns how many.

    The form follows from the name: .apkg for Anki, .csv, .md. Raises ValueError for another name or no questions.
    """
    forms = {".csv": as_csv, ".md": as_markdown}
    form = Path(path).suffix
    if form != ".apkg" and form not in forms:
        raise ValueError(f"{os.fspath(path)}: name a file that ends in .apkg, {' or '.join(forms)}")
    items = own.every(chapter)
    if form == ".apkg":
        return package(items, path)
    Path(path).write_text(forms[form](sheets(items)), "utf-8")
    return len(items)


def _decks(given: Sequence[Sheet]) -> list[genanki.Deck]:
    model = genanki.Model(
        MODEL_ID, "minisys question", fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Question", "qfmt": FRONT, "afmt": "{{FrontSide}}<hr id=answer>{{Back}}"}], css=CSS,
    )  # fmt: skip
    decks = {
        family: genanki.Deck(DECK_ID + number, f"minisys::{words}")
        for number, (family, words) in enumerate(FAMILIES.items())
    }
    for sheet in given:
        about = sheet.item.question
        tags = [f"chapter-{sheet.item.chapter}", about.level, about.type]
        decks[about.family].add_note(_Note(model=model, fields=_fields(sheet), guid=sheet.guid, tags=tags))
    return [deck for deck in decks.values() if deck.notes]


def _fields(sheet: Sheet) -> list[str]:
    options = "".join(f"<li>{html(option)}</li>" for option in sheet.options)
    lines = "".join(f"<li>{html(line)}</li>" for line in sheet.lines)
    about = sheet.item.question
    front = html(sheet.prompt) + (f"<ol>{options}</ol>" if options else "")
    back = f"<b>{html(sheet.right)}</b>" + (f"<ul>{lines}</ul>" if lines else "") + html(sheet.explanation)
    picture = f'<img src="{sheet.picture[0]}" alt="the chart to read">' if sheet.picture else ""
    return [about.id, front, picture, back, f"chapter {sheet.item.chapter} · {about.level} · {FAMILIES[about.family]}"]


def _pictures(given: Sequence[Sheet], folder: Path) -> list[str]:
    files = []
    for sheet in given:
        if sheet.picture:
            path = folder / sheet.picture[0]
            path.write_bytes(sheet.picture[1])
            files.append(str(path))
    return files
