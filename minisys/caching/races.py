"""A reader and a writer, 1 ms apart, and a cache that is wrong for an hour: the race as a timeline.

The reader misses, fetches the old price and is held up. The writer changes the price and deletes the copy. Then the
reader's old price reaches the cache. Every single step was right.

Promised: the steps are those of patterns.py, played in virtual time with the reader held up on its way to the cache.
Not promised: that the race is rare; it is as frequent as misses that meet writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import pandas as pd
import simpy

from minisys.caching.messages import CacheMessages, DatabaseMessages, Step
from minisys.caching.model import Shop
from minisys.caching.patterns import Pattern, Steps, pattern
from minisys.testbed import style
from minisys.testbed.simulation import Request

WHO = ("reader", "writer", "later reader")


@dataclass(frozen=True)
class Race:
    """Every message of the three, and what the later reader got: *stale* if it was the old value."""

    pattern: str
    steps: list[Step]
    seen: int
    stale: bool


class Delayed(CacheMessages):
    """A cache whose put() sets out *delay_s* later: a garbage collection, a lost packet, a busy process."""

    delay_s = 0.004

    def put(self, key: int, value: int, *, ticket: int | None = None) -> Steps:
        yield self.shop.env.timeout(self.delay_s)
        yield from super().put(key, value, ticket=ticket)


def race(chosen: str | Pattern, *, write_at_s: float = 0.002, read_again_at_s: float = 0.02) -> Race:
    """A reader at 0 s whose fill of the cache is late, a writer at *write_at_s*, another reader at *read_again_at_s*.

    The row holds 0 and is not cached; the writer writes 2. Raises ValueError for an unknown pattern.
    """
    made, env, seen = pattern(chosen), simpy.Environment(), list[int]()
    shop = Shop(
        env, made, write_share=0.0, capacity=10, ttl_s=None, hop_s=0.0005, workers=4, flush_s=0.005, crash_s=None
    )  # fmt: skip

    def play(who: int, at_s: float) -> Steps:
        yield env.timeout(at_s)
        request = Request(who, at_s, 0.001, 7, 0, 0.0)
        messages = (Delayed if who == 0 else CacheMessages)(shop, request), DatabaseMessages(shop, request)
        if who == 1:
            yield from made.write(*messages, 7, 2)
        else:
            seen.append((yield from made.read(*messages, 7)))

    for who, at_s in enumerate((0.0, write_at_s, read_again_at_s)):
        env.process(play(who, at_s))
    env.run(until=1.0)
    return Race(made.name, sorted(shop.steps, key=lambda step: (step.request, step.start_s)), seen[-1], seen[-1] != 2)


def timeline(played: Race) -> alt.LayerChart:
    """Who sent what and when: a bar for each message, from sent to answered, a row for each of the three."""
    steps = [step for step in played.steps if step.request >= 0]
    frame = pd.DataFrame(
        {
            "who": [WHO[step.request] for step in steps],
            "from_ms": [1000 * step.start_s for step in steps],
            "to_ms": [1000 * step.end_s for step in steps],
            "place": [step.place for step in steps],
            "says": [step.said for step in steps],
            "above": [i % 2 == 0 for i in range(len(steps))],  # neighbours would write over each other
        }
    )
    colour = alt.Color(
        "place:N",
        title=None,
        scale=alt.Scale(domain=["cache", "database"], range=style.server_colours(["cache", "database"])),
    )
    end = "the later reader still gets the old value" if played.stale else "the later reader gets the new value"
    row = alt.Y("who:N", sort=list(WHO), title=None)
    x = alt.X("from_ms:Q", title="time (ms)")
    base = alt.Chart(frame)
    bars = base.mark_bar(height=20, opacity=0.9).encode(x, row, alt.X2("to_ms:Q"), colour)
    words = [
        base.transform_filter(f"datum.above == {str(above).lower()}")
        .mark_text(align="left", dy=dy, fontSize=12, color=style.PALETTE["ink"])
        .encode(x, row, text=alt.Text("says:N"))
        for above, dy in ((True, -18), (False, 18))
    ]
    found = "; ".join(
        f"{s.start_s * 1000:g} to {s.end_s * 1000:g} ms {WHO[s.request]}, {s.place}: {s.said}" for s in steps
    )
    return alt.layer(bars, *words).properties(
        title=f"{played.pattern}: {end}",
        description=f"{played.pattern}: {end}. {found}.",
        width=style.WIDTH,
        height=alt.Step(64),
    )
