"""Both regions take writes, and news of them travels: how often do two people change the same thing apart?

A basket is filled from a phone that is sent to Virginia and from a laptop that is sent to Frankfurt, within the tenth
of a second that news takes. Later both regions must agree on one basket. `play` fills baskets in two regions and
counts what is in none of them at the end, although somebody was told "added".

Promised: the choices are those of policies.MERGES and policies.home_region, played on the same writes; every
acknowledged item is either in the final basket or counted as lost. Not modelled: removing items, more than two regions,
reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minisys.regions.latency import ZONE_S, round_trip_s
from minisys.regions.policies import MERGES, Version, home_region
from minisys.replication.policies import Stamp
from minisys.testbed.workload import stream

CHOICES = (*MERGES, "home region")


@dataclass(frozen=True)
class Apart:
    """What came of one choice. *conflicts*: writes that met one of the other region's unheard; *lost*: items that were
    acknowledged and are in no basket; *refused*: writes that no reachable region could take; write_s: mean seconds
    until a user has the answer."""

    choice: str
    writes: int
    conflicts: int
    lost: int
    refused: int
    write_s: float


def play(
    choice: str, *, regions: tuple[str, str] = ("Virginia", "Frankfurt"), rate_per_s: float = 100.0, keys: int = 500,
    lag_s: float | None = None, cut: tuple[float, float] | None = None, for_s: float = 60.0, seed: int = 0,
) -> Apart:  # fmt: skip
    """Users of each region add items to *keys* baskets, *rate_per_s* in all, half near each region.

    lag_s: how long news travels (None: half the round trip). cut: from when to when the regions do not hear each other.
    Raises ValueError for an unknown choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice must be one of {', '.join(CHOICES)}, got {choice!r}")
    rng = stream(seed, "conflicts")
    count = int(rng.poisson(rate_per_s * for_s))
    at_s = np.sort(rng.uniform(0, for_s, count))
    place, key = rng.integers(0, 2, count), rng.integers(0, keys, count)
    lag = round_trip_s(*regions) / 2 if lag_s is None else lag_s
    heard_s = at_s + lag
    if cut is not None:
        inside = (heard_s >= cut[0]) & (at_s < cut[1])
        heard_s = np.where(inside, np.maximum(heard_s, cut[1] + lag), heard_s)
    if choice == "home region":
        return _at_home(regions, at_s, place, key, cut)
    return _everywhere(choice, at_s, heard_s, place, key)


def _everywhere(choice: str, at_s: Any, heard_s: Any, place: Any, key: Any) -> Apart:
    """Each region writes to its own copy at once and hears the other's writes later."""
    merge = MERGES[choice]
    copies: tuple[dict[int, Version], dict[int, Version]] = {}, {}
    events = [(t, 1, i) for i, t in enumerate(at_s.tolist())] + [(t, 0, i) for i, t in enumerate(heard_s.tolist())]
    sent: dict[int, Version] = {}
    for now, mine, i in sorted(events):
        here, basket = int(place[i]), int(key[i])
        if mine:
            old = copies[here].get(basket, (Stamp(0.0), frozenset[Any]()))
            sent[i] = copies[here][basket] = (Stamp(now, str(here)), old[1] | {i})
        else:
            there = copies[1 - here]
            there[basket] = merge(there.get(basket, (Stamp(0.0), frozenset())), sent[i])
    assert copies[0] == copies[1], "the copies disagree after all news has been heard"
    kept = set().union(*(version[1] for version in copies[0].values())) if copies[0] else set()
    return Apart(choice, len(at_s), _met(at_s, heard_s, place, key), len(at_s) - len(kept), 0, ZONE_S)


def _at_home(regions: tuple[str, str], at_s: Any, place: Any, key: Any, cut: tuple[float, float] | None) -> Apart:
    """Each basket has one region that writes to it; who sits elsewhere waits for the way there and back."""
    home = {int(k): regions.index(home_region(f"basket {k}", regions)) for k in np.unique(key)}
    far = np.array([home[int(k)] for k in key], dtype=int) != place
    refused = far & (at_s >= cut[0]) & (at_s < cut[1]) if cut else np.zeros(len(at_s), dtype=bool)
    waits = np.where(far, round_trip_s(*regions), ZONE_S)[~refused]
    return Apart("home region", len(at_s), 0, 0, int(refused.sum()), float(waits.mean()))


def _met(at_s: Any, heard_s: Any, place: Any, key: Any) -> int:
    """Writes for which the other region wrote the same basket, neither having heard of the other."""
    met = 0
    for basket in np.unique(key):
        rows = np.flatnonzero(key == basket)
        mine, other = rows[place[rows] == 0], rows[place[rows] == 1]
        if len(mine) and len(other):
            apart = (at_s[mine][:, None] < heard_s[other][None, :]) & (at_s[other][None, :] < heard_s[mine][:, None])
            met += int(apart.any(axis=1).sum() + apart.any(axis=0).sum())
    return met
