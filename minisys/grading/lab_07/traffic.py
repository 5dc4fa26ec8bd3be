"""Lab 07, task 6: a day of three businesses, drawn anew for each seed.

What makes a day hard is what the text says: a merchant, a tenant or a video that has a large share of all, and nobody
knows which. The days say nothing of keys; business.py judges those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

Row = dict[str, Any]
ROWS = 6_000


@dataclass(frozen=True)
class Traffic:
    """A day of one business: its *rows*, which of them are written *together*, and the *questions* that are asked.

    hours: the hour of a row. cure: given the rows of a key that is too heavy, what would help.
    """

    rows: Sequence[Row]
    together: Sequence[Sequence[Row]]
    questions: Sequence[Row]
    hours: Callable[[Row], int]
    cure: Callable[[Sequence[Row]], str]


def _uneven(draw: Random, count: int, largest: float) -> Callable[[], int]:
    """A draw of 0 … count - 1 in which one, nobody knows which, has the share *largest*; the others share the rest."""
    giant = draw.randrange(count)
    return lambda: giant if draw.random() < largest else draw.randrange(count)


@lru_cache(maxsize=8)
def orders_day(seed: int) -> Traffic:
    """A marketplace: orders of 1 to 4 lines; customers look at all of theirs. One merchant sells 35 % of everything."""
    draw = Random(f"lab 07 orders {seed}")
    merchant, together = _uneven(draw, 40, 0.35), []
    for number in range(ROWS // 3):
        order = {
            "order": 10_000 * seed + number,
            "customer": draw.randrange(1500),
            "merchant": merchant(),
            "hour": number * 24 // (ROWS // 3),
        }
        together.append([order | {"line": line, "article": draw.randrange(9000)} for line in range(draw.randint(1, 4))])
    rows = [row for each in together for row in each]
    questions = [{"customer": row["customer"]} for row in draw.sample(rows, 400)]
    cure = "a key needs very many values, none of them large: of whom are there thousands here?"
    return Traffic(rows, together, questions, lambda row: int(row["hour"]), lambda heavy: cure)


@lru_cache(maxsize=8)
def documents_day(seed: int) -> Traffic:
    """Office software: one tenant writes 40 % of all; projects are numbered anew in each tenant, 1 is the largest.

    A document and the entry in its project's index are written together; users list the documents of a project.
    """
    draw = Random(f"lab 07 documents {seed}")
    tenant, together = _uneven(draw, 60, 0.40), []
    for number in range(ROWS // 2):
        of = tenant()
        project = 1 if draw.random() < 0.25 and of % 7 else draw.randint(1, 40)
        row = {"tenant": of, "project": project, "user": draw.randrange(5000), "hour": number * 24 // (ROWS // 2)}
        document = f"{seed}-{number}"
        together.append([row | {"document": document}, row | {"document": f"index-{draw.randrange(3)}"}])
    rows = [row for each in together for row in each]
    questions = [{"tenant": row["tenant"], "project": row["project"]} for row in draw.sample(rows, 400)]
    return Traffic(rows, together, questions, lambda row: int(row["hour"]), _cure_of_documents)


def _cure_of_documents(heavy: Sequence[Row]) -> str:
    tenants, projects = {row["tenant"] for row in heavy}, {row["project"] for row in heavy}
    if len(tenants) > 1 and len(projects) == 1:
        return f"project {projects.pop()} of all tenants is the same key here: say whose project it is"
    return "a large tenant must be cut up: by something that a question knows, too"


@lru_cache(maxsize=8)
def likes_day(seed: int) -> Traffic:
    """Likes of videos: one video, nobody knows which, gets 40 % of them. Each is a row of its own."""
    draw = Random(f"lab 07 likes {seed}")
    star, rows = draw.randrange(3000), []
    for _ in range(ROWS):
        video = star if draw.random() < 0.40 else draw.randrange(3000)
        rows.append({"video": video, "viewer": draw.randrange(10**6), "second": draw.randrange(86_400)})
    return Traffic(
        rows,
        [],
        [{"video": star}, *({"video": draw.choice(rows)["video"]} for _ in range(50))],
        lambda row: int(row["second"]) // 3600,
        lambda heavy: "cut the video into parts, by something in which its likes differ",
    )
