"""Answers to lab 13: wrong ones that a learner may well write, and right ones written another way."""

from __future__ import annotations

from minisys.grading.lab_13.schedule import DAY
from minisys.regions.levels import Copies, Level


def paper(**changed):
    right = {"rpo": 340, "lost": 76_000, "rto": 790, "stale": 2 / 3, "whole": 0.932}
    return lambda: right | changed


def nightly(length=5, window=14, heed=True, whole_chains=True, tidy=True):
    """A policy with chains of *length* files; what is not so is a usual slip."""

    def tonight(day, kept):
        fulls = [one.to_s for one in kept if one.kind == "full" and (one.readable or not heed)]
        chain = [one for one in kept if one.to_s >= max(fulls, default=0)]
        sound = all(one.readable for one in chain) or not heed
        kind = "incremental" if chain and sound and len(chain) < length else "full"
        oldest = (day - window + 1) * DAY
        first = max((end for end in fulls if end <= oldest), default=0) if whole_chains else oldest
        return kind, [one for one in kept if one.to_s < first or (tidy and not one.readable)]

    return tonight


def every_fifth(day, kept):
    """A full one on fixed evenings, and after an unreadable one: another right answer."""
    bad = bool(kept) and not kept[-1].readable
    kind = "full" if bad or day % 5 == 0 else "incremental"
    needed = set()
    for past in range(day - 13, day):
        for one in reversed([one for one in kept if one.to_s <= past * DAY and one.readable]):
            needed.add(one)
            if one.kind == "full":
                break
    return kind, [one for one in kept if one not in needed]


def keep_all(day, kept):
    return ("incremental" if day % 5 else "full"), []


def always_incremental(day, kept):
    return "incremental", []


def broken_off(day, kept):
    nightly()(day, kept)


def foreign(day, kept):
    return "full", [day]


def proof(sizes=True, sums=True, newest=True, sort=True, furthest=True, base=lambda one, at: one.to_s <= at,
          begins=lambda one, at: one.from_s <= at, count=False):  # fmt: skip
    """A check of a backup; what is not so is a usual slip."""

    def problem(files, wanted_s):
        if sizes and any(one.size != one.listed_size for one in files):
            return "cut short"
        if sums and any(one.checksum != one.listed_checksum for one in files):
            return "changed"
        bases = [one.to_s for one in files if one.kind == "full" and base(one, wanted_s)]
        if not bases:
            return "no base"
        at = max(bases) if newest else min(bases)
        logs = [one for one in files if one.kind == "log"]
        if count:
            return "" if len(logs) >= (wanted_s - at) / 60 else "gap"
        for one in sorted(logs, key=lambda one: one.from_s) if sort else logs:
            if begins(one, at):
                at = max(at, one.to_s) if furthest else one.to_s
        return "" if at >= wanted_s else "gap"

    return problem


def file_by_file(files, wanted_s):
    for one in files:
        if one.size != one.listed_size:
            return "cut short"
        if one.checksum != one.listed_checksum:
            return "changed"
    return proof()(files, wanted_s)


def base_first(files, wanted_s):
    return "no base" if proof(sizes=False, sums=False)(files, wanted_s) == "no base" else proof()(files, wanted_s)


def backwards(files, wanted_s):
    """From the wanted moment back to a base: another right answer."""
    found = proof()(files, wanted_s)
    if found not in ("", "gap"):
        return found
    base = max(one.to_s for one in files if one.kind == "full" and one.to_s <= wanted_s)
    need = wanted_s
    while need > base:
        useful = [one.from_s for one in files if one.kind == "log" and one.from_s < need <= one.to_s]
        if not useful:
            return "gap"
        need = min(useful)
    return ""


def silent(files, wanted_s):
    proof()(files, wanted_s)


def decide(patience=20, half=lambda seen: 2 * seen.witnesses <= seen.asked, fence=True, rpo=5, order="fence"):
    def answer(seen):
        if seen.silent_s < patience or half(seen):
            return "wait"
        if order == "person" and seen.lag_s > rpo:
            return "ask a person"
        if fence and not seen.fenced:
            return "fence first"
        return "ask a person" if seen.lag_s > rpo else "promote"

    return answer


def at_least_half(seen):
    return 2 * seen.witnesses < seen.asked


def all_of_them(seen):
    return seen.witnesses < seen.asked


def anybody(seen):
    return False


def table(seen):
    """Another right answer."""
    if not (seen.silent_s >= 20 and seen.witnesses > seen.asked / 2):
        return "wait"
    return {(True, True): "promote", (True, False): "ask a person"}.get((seen.fenced, seen.lag_s <= 5), "fence first")


def settings(check_every_s=5, fall=4, ttl_s=20, **more):
    return lambda: {"check_every_s": check_every_s, "fall": fall, "ttl_s": ttl_s} | more


def plan(every_s=0.0, synchronous=False, app=0.75, automatic=True, database=True, kept=2, serving=False):
    copies = Copies(every_s, 1.0, synchronous)
    level = Level("mine", copies, database=database, app=app, automatic=automatic, serving=serving, kept=kept)
    return lambda: level
