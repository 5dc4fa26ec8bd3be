"""The report of a mock interview: score with evidence, verdict, what to study first, your design beside the reference.

Promised: one HTML file that needs nothing else, with a style for printing; the same facts as text in a terminal. A PDF
where there is a Chromium to print it, otherwise a line that says how to print. Texts are escaped. Not done: an opinion
of its own: scores are yours, the measured lines are the machine's.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from minisys.grading.report import Shown
from minisys.interview.interviewer import Interviewer
from minisys.interview.mock import PHASES, Line
from minisys.interview.mock_doubts import doubts
from minisys.interview.mock_machine import Seen
from minisys.interview.mock_study import study
from minisys.interview.rubric import DIMENSIONS, SCORES, reason
from minisys.testbed import browser, style
from minisys.testbed.home import data_folder

PAGE_CSS = """body { margin: 24px auto; max-width: 900px; font: 400 14px/1.5 var(--ms-font); color: #1d2433; }
.ms-report svg, .ms-report img { max-width: 100%; height: auto; } .ms-report h2 { font-size: 18px; margin: 22px 0 6px; }
.ms-report .ms-pair { display: flex; flex-wrap: wrap; gap: 16px; } .ms-report .ms-pair > div { flex: 1 1 360px; }
.ms-report pre { white-space: pre-wrap; font-size: 11px; background: #f5f7fa; padding: 8px; }
@media print { body { margin: 0; } .ms-card { border: 0; box-shadow: none; max-width: none; padding: 0; }
  h2, tr, li, .ms-pair > div { break-inside: avoid; } a { color: inherit; } @page { margin: 16mm; } }"""
NO_PRINTER = "There is no Chromium here to write a PDF: open the HTML file in a browser and print it."


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """A finished interview. *mine* and *theirs*: the last design and the reference, as run; None if there is none.

    changed: the same two under the change in the middle, by whose they are.
    """

    interview: Interviewer
    mine: Seen | None
    theirs: Seen | None
    changed: tuple[tuple[str, Seen], ...] = ()

    def headline(self) -> str:
        """Case, points, verdict."""
        points, said = self.interview.mock.points()
        why = reason({name: score for name, (score, _) in self.interview.mock.card.items()})
        return f"{self.interview.case.title}: {points:g} of 100 points, {said}{f' ({why})' if why else ''}"

    def times(self) -> list[tuple[str, str, str]]:
        """Each phase with its plan and what it took, as minutes and seconds."""
        mock = self.interview.mock
        return [(name, clock(mock.planned_s(i)), clock(mock.spent_s[i])) for i, name in enumerate(PHASES)]

    def scores(self) -> list[tuple[str, str, str, str, str]]:
        """Dimension, weight, score, its meaning, evidence."""
        card = self.interview.mock.card
        return [
            (name, str(one.weight), str(card[name][0]), SCORES[card[name][0]], card[name][1])
            for name, one in DIMENSIONS.items()
        ]

    def doubts(self) -> list[str]:
        """What speaks against the scores, a line each."""
        return doubts(self.interview.mock) or ["nothing that can be counted"]

    def text(self) -> str:
        mock = self.interview.mock
        lines = [self.headline(), "", *(f"  {d:<21}{s} ({said}): {why}" for d, _, s, said, why in self.scores())]
        lines += ["", "What to doubt in it:", *(f"  {line}" for line in self.doubts())]
        lines += ["", "Study first:"]
        lines += [f"  {n}. {a.what} (chapter {a.chapter}): {a.why}" for n, a in enumerate(study(mock), 1)]
        lines += ["", "Asked about your design:", *(f"  {line}" for line in self.asked())]
        lines += ["", "After the change:", *(f"  {line}" for line in self.held())]
        lines += ["", "Minutes, planned and taken:", *(f"  {name:<24}{a:>6}{b:>7}" for name, a, b in self.times())]
        return "\n".join(lines)

    def html(self) -> str:
        body = self._body(links="").replace("<h2>", "<p><strong>").replace("</h2>", "</strong></p>")
        return (
            f'<section class="ms-card ms-report">{body}</section>'  # a heading would be a chapter in Jupyter's contents
        )

    def page(self) -> str:
        """A whole HTML document: nothing in it is loaded from elsewhere."""
        links = (Path(__file__).resolve().parents[2] / "notebooks").as_uri() + "/"
        body = f'<section class="ms-card ms-report">{self._body(links)}{self._designs()}{self._transcript()}</section>'
        head = f'<meta charset="utf-8"><title>{escape(self.headline())}</title><style>{style.css()}{PAGE_CSS}</style>'
        return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'

    def _body(self, links: str) -> str:
        first = "".join(
            f"<li><strong>{escape(a.what)}</strong>: {escape(a.why)} "
            f'<a href="{escape(links + a.notebook)}">Chapter {a.chapter}</a></li>'
            for a in study(self.interview.mock)
        )
        head = ("dimension", "weight", "score", "means", "evidence")
        asked, changed, doubt = (
            "".join(f"<li>{escape(line)}</li>" for line in lines)
            for lines in (self.asked(), self.held(), self.doubts())
        )
        return (
            f'<p class="ms-big">{escape(self.headline())}</p><h2>Study first</h2><ol>{first}</ol>'
            f"<h2>Your score</h2>{_table(head, self.scores())}<h2>What to doubt in it</h2><ul>{doubt}</ul>"
            f"<h2>Asked about your design</h2><ul>{asked}</ul>"
            f"<h2>After the change</h2><ul>{changed}</ul>"
            f"<h2>Minutes</h2>{_table(('phase', 'planned', 'taken'), self.times())}"
        )

    def asked(self) -> list[str]:
        """What was asked about the design, with its evidence and what became of it."""
        mock, lines = self.interview.mock, []
        for i, finding in enumerate(mock.findings):
            if finding.get("weakness"):
                now = mock.again.get(i)
                became = "no change was run" if now is None else f"damage {now['damage']:.2g} after your change"
                shown = f"{finding['plan']}, seed {finding['seed']}: damage {finding['damage']:.2g}"
                lines.append(f"{finding['weakness']} of {finding['component']} ({shown}; {became}). {finding['cure']}")
        return lines or ["nothing: there was no design, or the attack found no weakness in it"]

    def held(self) -> list[str]:
        """What changed in the middle, and of each design which objectives held and which broke under it, and why."""
        case = self.interview.case
        lines = [f"{case.change.says} {case.change.told(case.design())}"]
        for name, seen in self.changed:
            held = ", ".join(what for what, *_, kept, _ in seen.rows if kept) or "nothing"
            broke = [
                f"{what} (wanted {wanted}, got {got}; {why})" for what, wanted, got, kept, why in seen.rows if not kept
            ]
            lines.append(f"{name}: held {held}; broke {', '.join(broke) or 'nothing'}.")
        return lines

    def _designs(self) -> str:
        parts = [(name, seen) for name, seen in (("Yours", self.mine), ("The reference", self.theirs)) if seen]
        inner = "".join(f"<div><h2>{name}</h2>{self._one(seen)}</div>" for name, seen in parts)
        text = f"<h2>Your text</h2><pre>{escape(self.interview.text())}</pre>" if self.mine else ""
        return f'<div class="ms-pair">{inner}</div>{text}'

    def _one(self, seen: Seen) -> str:
        rows = [(what, wanted, got, "kept" if kept else "missed") for what, wanted, got, kept, _ in seen.rows]
        notes = "".join(f"<p>{escape(note)}</p>" for note in seen.notes)
        return self.interview.machine.picture(seen.design) + _table(("objective", "wanted", "got", ""), rows) + notes

    def _transcript(self) -> str:
        def line(one: Line) -> str:
            return f"<p><strong>{escape(one.who)}</strong> ({escape(one.phase)}): {escape(one.text)}</p>"

        return f"<h2>What was said</h2>{''.join(map(line, self.interview.mock.lines))}"

    def save(self, folder: str | os.PathLike[str] | None = None) -> tuple[Path, Path | None]:
        """Write the page, and a PDF if there is a Chromium; the two paths. *folder*: default reports/ of your data."""
        place = Path(folder) if folder is not None else data_folder() / "reports"
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"mock-{self.interview.name.replace('/', '-')}.html"
        file.write_text(self.page(), "utf-8")
        return file, printed(file)


@dataclass(frozen=True, repr=False)
class NoReport(Shown):
    """What stands in place of a report before the first interview is finished."""

    def text(self) -> str:
        return "No interview finished yet. The report of your last one comes here."

    def html(self) -> str:
        return f'<section class="ms-card"><p>{self.text()}</p></section>'


def report(interview: Interviewer) -> Report:
    """The report of a scored interview; the last design and the reference are run again for it, as before and after
    the change."""
    text, mock = interview.text(), interview.mock
    if not mock.done:
        raise ValueError(f"this interview is in its phase {mock.phase_name!r}; the report comes after the score")
    last = mock.designs[-1] if mock.designs else None
    machine, case, changed = interview.machine, interview.case, []
    mine = machine.look(case, text, mock.seed, last["changed"]) if last else None
    if last and mine:
        changed.append(("Yours", mine if last["changed"] else machine.look(case, text, mock.seed, True)))
    changed.append(("The reference", machine.reference(case, mock.seed, True)))
    return Report(interview, mine, machine.reference(case, mock.seed), tuple(changed))


def printed(page: Path) -> Path | None:
    """A PDF beside the HTML file *page*; None if there is no Chromium, or it could not."""
    program = browser.chromium()
    if program is None:
        return None
    file = page.with_suffix(".pdf")
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and not os.geteuid() else []
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--disable-gpu", *alone, f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        command = [program, *flags, f"--print-to-pdf={file}", page.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
    return file if file.exists() else None


def clock(seconds: float) -> str:
    """Minutes and seconds: 754 is "12:34"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return f'<table class="ms-table"><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>'
