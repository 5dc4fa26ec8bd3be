"""Lab 13, task 2: a backup policy, played for forty evenings, some of whose files turn out to be unreadable.

`kept` holds `Piece`s (minisys.regions.backups): a full backup brings the state of the evening of its `to_s`, an
increment brings it from the state of the evening before. What can be restored is found by backups.plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.regions.backups import Piece, Unrestorable, plan

Tonight = Callable[[int, list[Piece]], Any]
DAY = 86_400.0
EVENINGS, WINDOW, MOST_FILES, MOST_GB = 40, 14, 5, 650.0
FULL_GB, INCREMENT_GB = 100.0, 10.0
QUIET: tuple[int, ...] = ()
CALENDARS = ((9, 23), (5, 10, 11, 30))  # evenings whose file is found unreadable the next morning


def evening(piece: Piece) -> int:
    """The evening whose state *piece* brings, counted from 0."""
    return round(piece.to_s / DAY)


def played(tonight: Tonight, bad: Collection[int]) -> Iterator[tuple[int, list[Piece]]]:
    """Each evening, and what is kept after the learner's policy has acted; *bad*: evenings with an unreadable file."""
    kept: list[Piece] = []
    for day in range(EVENINGS):
        kind, delete = asked(tonight, day, kept)
        kept = [one for one in kept if one not in delete]
        from_s, size_gb = (0.0, FULL_GB) if kind == "full" else ((day - 1) * DAY, INCREMENT_GB)
        if kind == "incremental" and not any(evening(one) == day - 1 for one in kept):
            look = "an increment begins where the evening before ended: if that file is not kept, only full works"
            raise Wrong("'incremental'", given=given(day, kept), expected="'full'", look=look)
        kept.append(Piece(kind, from_s, day * DAY, size_gb, verified=False))
        yield day, list(kept)
        kept[-1] = replace(kept[-1], readable=day not in bad, verified=True)  # read back in the morning


def asked(tonight: Tonight, day: int, kept: Sequence[Piece]) -> tuple[str, Sequence[Piece]]:
    """The learner's decision. Raises Wrong if it is none."""
    came = tonight(day, list(kept))
    if not isinstance(came, tuple) or len(came) != 2 or came[0] not in ("full", "incremental"):
        look = "is there a `return`?" if came is None else ""
        expected = "a pair: 'full' or 'incremental', and a list of pieces to delete"
        raise Wrong(repr(came), given=given(day, kept), expected=expected, look=look)
    kind, delete = came
    if not isinstance(delete, list | tuple) or any(one not in kept for one in delete):
        raise Wrong(repr(delete)[:80], given=given(day, kept), expected="a list of pieces out of kept, or []")
    return kind, delete


def given(day: int, kept: Sequence[Piece]) -> str:
    """What is kept on *day*, in letters: F full, i increment, x unreadable."""
    marks = ["x" if not one.readable else "F" if one.kind == "full" else "i" for one in kept]
    first = f" from evening {evening(kept[0])}" if kept else ""
    return f"evening {day}, kept {''.join(marks) or 'nothing'}{first}"


def restorable(bad: Collection[int], tonight: Tonight) -> str:
    """Each of the last WINDOW evenings but the unreadable ones can be had, on every evening."""
    for day, kept in played(tonight, bad):
        for past in range(max(0, day - WINDOW + 1), day + 1):
            if past in bad:
                continue
            if not _had(kept, past):
                raise Wrong(
                    f"evening {past} cannot be restored", given=given(day, kept[:-1]),
                    expected=f"each of the last {WINDOW} evenings", look=hint(kept, past),
                )  # fmt: skip
    return f"{EVENINGS} evenings, {len(bad)} files unreadable"


def _had(kept: Sequence[Piece], past: int) -> bool:
    try:
        return bool(_own(kept, past) and plan(kept, past * DAY))
    except Unrestorable:
        return False


def _own(kept: Sequence[Piece], past: int) -> bool:
    return any(evening(one) == past for one in kept)


def hint(kept: Sequence[Piece], past: int) -> str:
    """Why the state of evening *past* cannot be had."""
    if not _own(kept, past):
        return f"its own file is deleted; {WINDOW} evenings are {WINDOW} states, and tonight's is one of them"
    before = [one for one in kept if evening(one) < past]
    if any(not one.readable for one in before[-MOST_FILES:]):
        return (
            "a file below it is unreadable (piece.readable), known since that morning: what builds on it is lost, too"
        )
    return "an increment is worth nothing without the full backup, and all increments, below it: delete whole chains"


def short(tonight: Tonight) -> str:
    """No restore needs more files than allowed."""
    longest = 0
    for day, kept in played(tonight, QUIET):
        used = _files(kept, day)
        if used > MOST_FILES:
            look = "count what builds on the newest full backup; the sixth file must be a full one"
            raise Wrong(f"{used} files", given=f"restoring evening {day}", expected=f"{MOST_FILES} or fewer", look=look)
        longest = max(longest, used)
    return f"{longest} files at the most"


def _files(kept: Sequence[Piece], day: int) -> int:
    try:
        return len(plan(kept, day * DAY))
    except Unrestorable:
        raise Wrong(f"evening {day} cannot be restored", expected="a chain of files", look="the point above") from None


def small(tonight: Tonight) -> str:
    """The room is enough on every evening."""
    largest = 0.0
    for bad in (QUIET, *CALENDARS):
        for day, kept in played(tonight, bad):
            now = sum(one.size_gb for one in kept)
            largest = max(largest, now)
            if now > MOST_GB:
                look = "delete what no evening of the last 14 needs any more; increments are ten times smaller"
                if any(not one.readable for one in kept):
                    look = "a file that is known to be unreadable takes room as well, and helps nobody"
                raise Wrong(f"{now:.0f} GB", given=given(day, kept[:-1]), expected=f"{MOST_GB:.0f} GB", look=look)
    return f"{largest:.0f} GB at the most"


SCHEDULE = (
    Check("forty quiet evenings: each of the last fourteen can be restored", partial(restorable, QUIET)),
    Check("from at most five files", short),
    Check("in at most 650 GB", small),
    *(Check(f"{len(bad)} files turn out to be unreadable", partial(restorable, bad)) for bad in CALENDARS),
)
