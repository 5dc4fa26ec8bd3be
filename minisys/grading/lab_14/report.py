"""Lab 14: your design on paper, to be printed: the picture, the verdict, the findings, the bill, the evenings.

A portfolio shows drawings; this one shows what happened when they were run. Promised: one HTML file that needs nothing
else; a PDF beside it where there is a Chromium; the same text gives the same figures. Not here: an opinion.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from minisys.design.attack import Finding, attack, findings_table
from minisys.design.cost import Bill, monthly
from minisys.design.draw_svg import svg
from minisys.design.judge import Verdict, judge
from minisys.design.parts import Design
from minisys.grading.checks import Wrong
from minisys.grading.lab_14.business import RTO_S, design_of
from minisys.grading.lab_14.final import EVENINGS, REQUESTS, SEED, evening
from minisys.grading.lab_14.peak import USUAL
from minisys.grading.lab_14.scene import bad, unpaid
from minisys.grading.report import Shown
from minisys.interview.mock_report import PAGE_CSS, printed
from minisys.testbed import style
from minisys.testbed.home import data_folder
from minisys.testbed.tables import Table, table

CAPTION = f"Bad: failed or late (after a death or a lost zone: of those from {RTO_S:g} s later on)"
WIDE = (
    ".ms-report .ms-card { border: 0; box-shadow: none; padding: 0; max-width: none; }"
    " .ms-report td { overflow-wrap: normal; word-break: normal; }"
)


@dataclass(frozen=True, repr=False)
class DesignReport(Shown):
    """A design, judged. *words*: its text; *drawn*: an SVG with the busiest hour's figures; *nights*: the evenings."""

    design: Design
    words: str
    drawn: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    bill: Bill
    nights: Table

    def headline(self) -> str:
        """Name, objectives kept, findings, dollars."""
        kept = sum(row.kept for row in self.verdict.rows)
        promised = sum(one.promised for one in self.findings)
        found = f"{promised} finding{'s' * (promised != 1)} within the promise"
        return (f"{self.design.name}: {kept} of {len(self.verdict.rows)} objectives kept, {found}, "
                f"${self.bill.total:,.0f} a month")  # fmt: skip

    def text(self) -> str:
        tables = (self.verdict.table(), findings_table(list(self.findings)), self.bill.table(), self.nights)
        return "\n\n".join([self.headline(), *map(repr, tables)])

    def html(self) -> str:
        return f'<section class="ms-card ms-report"><style>{PAGE_CSS_INSIDE}</style>{self._body()}</section>'

    def page(self) -> str:
        """A whole HTML document; nothing in it is loaded from elsewhere."""
        head = f'<meta charset="utf-8"><title>{escape(self.headline())}</title>'
        head += f"<style>{style.css()}{PAGE_CSS}{WIDE}</style>"
        words = f"<h2>The text</h2><pre>{escape(self.words)}</pre>"
        body = f'<section class="ms-card ms-report">{self._body()}{words}</section>'
        return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'

    def save(self, folder: str | os.PathLike[str] | None = None, *, pdf: bool = True) -> tuple[Path, Path | None]:
        """Write the page, and a PDF if wanted and possible; the two paths. *folder*: default reports/ of your data."""
        place = Path(folder) if folder is not None else data_folder() / "reports"
        place.mkdir(parents=True, exist_ok=True)
        file = place / "lab-14-design.html"
        file.write_text(self.page(), "utf-8")
        return file, printed(file) if pdf else None

    def saved(self, *, pdf: bool = False) -> str:
        """Write it among the reports in your data folder, and say what was written."""
        files = [file.name for file in self.save(pdf=pdf) if file]
        return f"{' and '.join(files)}: in the folder reports of your data"

    def _body(self) -> str:
        parts = (
            ("The design in its busiest hour", self.drawn),
            ("What it promises", _plain(self.verdict.table())),
            ("What the attack found", _plain(findings_table(list(self.findings)))),
            ("Evenings it had not seen", _plain(self.nights)),
            ("What it costs", _plain(self.bill.table())),
        )
        inner = "".join(f"<h2>{title}</h2><div>{body}</div>" for title, body in parts)
        return f'<p class="ms-big">{escape(self.headline())}</p>{inner}'


@dataclass(frozen=True, repr=False)
class NoReport(Shown):
    """What stands in its place while there is no design that can be run."""

    why: str

    def text(self) -> str:
        return self.why

    def html(self) -> str:
        return f'<section class="ms-card"><p>{escape(self.why)}</p></section>'

    def saved(self, *, pdf: bool = False) -> str:
        """Nothing is written."""
        return self.why


PAGE_CSS_INSIDE = ".ms-report svg { max-width: 100%; height: auto; } " + WIDE


def report(text: Callable[[], Any]) -> DesignReport | NoReport:
    """The report on the design whose text the function *text* returns; a design that misses something has one, too."""
    try:
        design = design_of(text)
    except NotImplementedError:
        return NoReport("The report of your design comes here, once task 6 is written.")
    except Wrong as wrong:
        return NoReport(f"No report yet: {wrong}. The check of task 6 says where to look.")
    return DesignReport(
        design, str(text()).strip(), svg(design, USUAL[0].play(design)),
        judge(design, seed=SEED, requests=REQUESTS), tuple(attack(design, seed=SEED, requests=REQUESTS)),
        monthly(design), nights(design),
    )  # fmt: skip


def nights(design: Design) -> Table:
    """Each evening: what came, what broke, what the riders got."""
    rows = []
    for seed in EVENINGS:
        scene = evening(design, seed)
        seen, fault = scene.play(design), scene.faults[0]
        free, rides = unpaid(seen)
        share = bad(seen, fault.at_s + RTO_S if fault.kind in ("kill", "zone loss") else 0.0)
        rows.append((seed, scene.traffic.name, f"{fault.kind}, {fault.target}", f"{100 * share:.1f} %",
                     f"{seen.rto_s:.1f} s", seen.lost_writes, f"{free} of {rides:,}"))  # fmt: skip
    columns = ["seed", "traffic", "fault", "bad clicks", "longest outage", "writes lost", "not charged"]
    return table(pd.DataFrame(rows, columns=columns), caption=CAPTION)


def _plain(made: Table) -> str:
    """A table's HTML without the style sheet, which the page has once."""
    return str(made._repr_mimebundle_()["text/html"]).partition("</style>")[2]
