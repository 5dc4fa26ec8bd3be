"""The whole shop for five minutes under users and a monkey, again and again: do its books add up each time?

Each part's soak shows that it keeps its own promise. Here all of them are in one shop, and what counts is what the
user has: no unit sold twice, no order lost that was confirmed, no order charged twice or never, and every component
back. Each round starts another shop and draws another order of deaths.
"""

from __future__ import annotations

import statistics

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.design.live import up
from minisys.design.live_monkey import Trial, kinds, trial

FOR_S, PER_S, EVERY_S = 300.0, 30.0, 6.0
AGAIN = "`make soak PART=shop ROUNDS=5`: some five and a half minutes a round."
NOTE = f"""Twenty processes; Locust's users, Poisson, {PER_S:g} a second for {FOR_S:g} s, three of ten buy; SIGKILL to \
one component every {EVERY_S:g} s: each of the kinds below once, in an order that the seed draws, then each again. \
Users ask again, with the same idempotency key and at the other edge, for up to 20 s. Availability: users who got an \
answer in the end; at once: with their first request. Broken rules: units beyond the stock, orders with two units, \
confirmed orders lost, charged twice, not charged, charged wrongly, charged without an order. Unused: numbers drawn by \
users who went away. Repair: from SIGKILL until another process was ready, s."""
PARTS = """All rounds together. The supervisor is started again by the control process, everything else by the \
supervisor. The leader is the store's."""


def soak(rounds: int, say: Say) -> Findings:
    """Run the shop *rounds* times, each with another seed."""
    found: list[Trial] = []
    parts: list[str] = []
    for seed in range(rounds):
        with up("shop") as shop:
            parts = kinds(shop)
            found.append(trial(shop, for_s=FOR_S, per_s=PER_S, every_s=EVERY_S, seed=seed))
        last = found[-1]
        say(f"round {seed + 1} of {rounds}: {last.audit.sentence} available {last.availability:.4%}, at once "
            f"{last.at_once:.4%}, {last.repaired} of {len(last.outages)} repaired, down {last.down}")  # fmt: skip
        for line in last.problems:
            say(line)
    over = left_over()
    rows = [_row(seed, each) for seed, each in enumerate(found)]
    columns = ["seed", "users", "orders", "confirmed", "charges", "unused", "broken rules", "availability", "at once",
               "p50, s", "p99, s", "kills", "repaired", "repair, median", "longest", "left over"]  # fmt: skip
    sections = [
        Section("The shop under a monkey", NOTE, columns, [[*row, str(len(over))] for row in rows]),
        Section("Deaths by component", PARTS, ["component", "kills", "repaired", "median (s)", "longest (s)"],
                [_deaths(part, found) for part in parts]),
    ]  # fmt: skip
    return Findings(sections, [line for seed, each in enumerate(found) for line in _broken(seed, each)] + over)


def _row(seed: int, each: Trial) -> list[str]:
    audit, seen = each.audit, each.shopping
    took = [back_s - at_s for _, at_s, back_s in each.outages if back_s is not None]
    return [
        str(seed), f"{len(seen):,}", f"{audit.orders:,}", f"{audit.receipts:,}", f"{audit.charges:,}",
        str(audit.unused), str(len(audit.broken)), f"{each.availability:.3%}", f"{each.at_once:.2%}",
        f"{seen.latency_s(0.5):.3f}", f"{seen.latency_s(0.99):.2f}", str(len(each.outages)), str(each.repaired),
        f"{statistics.median(took):.2f}", f"{max(took):.2f}",
    ]  # fmt: skip


def _deaths(part: str, found: list[Trial]) -> list[str]:
    name = part.removeprefix("leader of ")
    times = [(at_s, back_s) for each in found for label, at_s, back_s in each.outages if label.startswith(f"{name}/")]
    took = [back_s - at_s for at_s, back_s in times if back_s is not None] or [float("nan")]
    return [part, str(len(times)), str(sum(b is not None for _, b in times)), f"{statistics.median(took):.2f}",
            f"{max(took):.2f}"]  # fmt: skip


def _broken(seed: int, each: Trial) -> list[str]:
    """One line for each promise that did not hold."""
    found = [f"seed {seed}: {line}" for line in each.audit.broken]
    if each.repaired < len(each.outages) or each.down:
        found.append(f"seed {seed}: {each.repaired} of {len(each.outages)} repaired, down: {', '.join(each.down)}")
    return found + [f"seed {seed}: {line}" for line in each.problems]
