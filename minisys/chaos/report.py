"""The report that a team files after an experiment: what was believed, what was done, what came out, what changes.

Half a year later somebody asks whether the shop survives the loss of its cache. Either there is a page that says so,
with the date, the figures and the rerun, or the experiment is done again, or nobody asks.

    filed = report(journal, title="…", finding="…", fix="…", rerun=second_journal)
    filed.to_markdown(); filed.to_html()        # the second is a whole page that prints

Promised: every figure is the journal's; nobody's words are taken for HTML or Markdown. Not promised: that a report
which says "it held" means more than it held this time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from minisys.chaos.experiment import Journal
from minisys.chaos.plan import Fault

VERDICTS = {
    "completed": "The hypothesis stood.",
    "deviated": "The hypothesis did not hold: a weakness was found.",
    "aborted": "Stopped by the abort condition: a weakness was found, and users were spared the rest.",
    "not started": "Not started: the system was not in its steady state.",
    "failed": "The experiment itself failed and says nothing about the system.",
    "interrupted": "Stopped from outside.",
    "running": "Not over yet.",
}
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #c9cdd2;padding:.25rem .6rem;text-align:left}"
    "h2{font-size:1.05rem;margin:1.2rem 0 .3rem}@media print{body{margin:0}}"
)
Table = tuple[Sequence[str], list[Sequence[str]]]


@dataclass(frozen=True)
class Report:
    """A *title* and sections: a heading, a text, and a table or None."""

    title: str
    sections: tuple[tuple[str, str, Table | None], ...]

    def to_markdown(self) -> str:
        """For a pull request, a wiki or a ticket."""
        parts = [f"# {_plain(self.title)}"]
        for heading, text, rows in self.sections:
            parts.append(f"## {heading}")
            if text:
                parts.append(_plain(text))
            if rows is not None:
                lines = [rows[0], ["---"] * len(rows[0]), *rows[1]]
                parts.append("\n".join("| " + " | ".join(map(_plain, line)) + " |" for line in lines))
        return "\n\n".join(parts) + "\n"

    def to_html(self) -> str:
        """A page of its own, without anything from elsewhere; a browser prints it."""
        head = f'<meta charset="utf-8"><title>{escape(self.title)}</title><style>{STYLE}</style>'
        return f'<!doctype html><html lang="en"><head>{head}</head><body>{self._body("h1")}</body></html>\n'

    def _repr_html_(self) -> str:
        return f'<article class="ms-card">{self._body("h3")}</article>'

    def __repr__(self) -> str:
        return self.to_markdown()

    def _body(self, first: str) -> str:
        second = f"h{int(first[1]) + 1}"
        parts = [f"<{first}>{escape(self.title)}</{first}>"]
        for heading, text, rows in self.sections:
            parts.append(f"<{second}>{escape(heading)}</{second}>" + (f"<p>{escape(text)}</p>" if text else ""))
            if rows is not None:
                parts.append(_html_table(rows))
        return "".join(parts)


def report(
    journal: Journal, *, title: str, finding: str = "", fix: str = "", rerun: Journal | None = None, date: str = ""
) -> Report:
    """The report on *journal*; *finding* and *fix* in the team's words, *rerun* the same experiment after the fix.

    Raises ValueError for an empty title, or a rerun of another hypothesis or of other faults: that proves nothing.
    """
    if not title.strip():
        raise ValueError("a report needs a title that somebody will search for")
    if rerun is not None and (rerun.hypothesis != journal.hypothesis or rerun.plan.faults != journal.plan.faults):
        raise ValueError(
            f"the rerun must be the same experiment: {journal.hypothesis!r} and the same faults; it tested "
            f"{rerun.hypothesis!r} with {len(rerun.plan)} faults"
        )
    radius = ", ".join(journal.plan.targets) or "nothing"
    sections: list[tuple[str, str, Table | None]] = [
        ("Hypothesis", _hypothesis(journal) + (f" Date: {date}." if date else ""), None),
        (
            "Blast radius",
            f"{radius}; seed {journal.plan.seed}; everything put back: {_yes(journal.rolled_back)}.",
            None,
        ),
        ("Method", "", (("fault", "on", "from", "for", "with"), [_fault(one) for one in journal.plan])),
        ("Timeline", "", (("second", "what"), timeline(journal))),
        ("Result", f"{VERDICTS[journal.status]} {_sentence(journal.why)}", None),
    ]
    for heading, text in (("Finding", finding), ("Fix", fix)):
        if text:
            sections.append((heading, text, None))
    if rerun is not None:
        sections.append(("Rerun", f"{VERDICTS[rerun.status]} {_sentence(rerun.why)}", None))
    return Report(title, tuple(sections))


def timeline(journal: Journal) -> list[Sequence[str]]:
    """Second and event of all that happened, in order: checks, faults beginning and ending, the abort."""
    rows = [(entry.at_s, f"{entry.what} {entry.fault.kind} on {entry.fault.target}" + _but(entry.problem))
            for entry in journal.log.entries]  # fmt: skip
    for one in journal.observations:
        rows.append((one.at_s, f"checked {one.when}: {_number(one.value)}, {'held' if one.held else 'did not hold'}"))
    if journal.status == "aborted":
        at_s = max((at for at, _ in rows), default=0.0) if journal.stopped_s is None else journal.stopped_s
        rows.append((at_s, journal.why))
    order = {"before": 0, "begin": 1, "during": 2, "abort": 3, "end": 4}
    rows.sort(key=lambda row: (row[0], next((rank for word, rank in order.items() if word in row[1]), 5)))
    return [(f"{at_s:.2f}", what) for at_s, what in rows]


def _hypothesis(journal: Journal) -> str:
    """What was believed, when it was checked, and what the figures in this report are."""
    meanwhile = ", during" if any(one.when == "during" for one in journal.observations) else ""
    when = f"{journal.hypothesis}: to be checked before{meanwhile} and after the faults."
    return f"{when} Measured: {journal.measures}." if journal.measures else when


def _fault(fault: Fault) -> Sequence[str]:
    lasts = "the end" if math.isinf(fault.for_s) else f"{fault.for_s:g} s"
    values = ", ".join(f"{name} {value}" for name, value in fault.values.items())
    return fault.kind, fault.target, f"{fault.at_s:g} s", lasts, values or "-"


def _but(problem: str) -> str:
    return f", which did not work: {problem}" if problem else ""


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)


def _sentence(why: str) -> str:
    return why[:1].upper() + why[1:] + ("" if why.endswith((".", "")) and why[-1:] == "." else ".") if why else ""


def _yes(this: bool) -> str:
    return "yes" if this else "no"


def _plain(text: str) -> str:
    """*text* so that Markdown shows it as it is, on one line."""
    one_line = " ".join(str(text).split())
    return "".join("\\" + letter if letter in "\\|*_`<>#[]" else letter for letter in one_line)


def _html_table(rows: Table) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows[1])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
