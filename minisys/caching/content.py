"""Content delivery by formula: what distance costs, what an edge saves, and how much of it reaches the origin.

Light in a fibre needs five microseconds a kilometre, and no purchase order will change that. From Sydney to Frankfurt
and back it is a quarter of a second by the routes that cables take, and a browser that opens a connection makes the
trip three times before the first byte of a page is there.

Promised: closed forms with their sources. Stated, not measured: cables are half as long again as the great circle
(DETOUR), the last mile to a user takes 10 ms there and back (ACCESS_S). Not in them: queues, lost packets, bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

EARTH_KM = 6371.0
FIBRE_KM_PER_S = 200_000.0  # two thirds of light's speed in vacuum: glass has a refractive index of about 1.5
DETOUR = 1.5
ACCESS_S = 0.010
HANDSHAKES = 2  # TCP and TLS 1.3 (RFC 8446): a round trip each before the request may leave


class City(NamedTuple):
    """A place on the map: degrees north and east, millions of people."""

    latitude: float
    longitude: float
    people_m: float


class Offload(NamedTuple):
    """What caches take off the origin: hit ratios and requests a second that still reach it.

    edge_hit: share of the users' requests that an edge answers; offload: share that the origin never sees.
    """

    edge_hit: float
    offload: float
    origin_per_s: float


@cache
def cities() -> dict[str, City]:
    """The cities of cities.yaml by name."""
    table = yaml.safe_load(Path(__file__).with_name("cities.yaml").read_text("utf-8"))
    return {name: City(*row) for name, row in table.items()}


def city(name: str) -> City:
    """The city called *name*. Raises ValueError, with the names there are, for any other."""
    if name not in cities():
        raise ValueError(f"unknown city {name!r}; known: {', '.join(cities())}")
    return cities()[name]


@cache
def distance_km(a: str, b: str) -> float:
    """Kilometres along the great circle between two cities (haversine)."""
    (north_a, east_a, _), (north_b, east_b, _) = city(a), city(b)
    phi_a, phi_b, turn = math.radians(north_a), math.radians(north_b), math.radians(east_b - east_a)
    h = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(turn / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(h))


def round_trip_s(a: str, b: str, detour: float = DETOUR) -> float:
    """Seconds from city *a* to *b* and back through fibre that is *detour* times as long as the great circle.

    Raises ValueError unless detour is 1 or more.
    """
    if not detour >= 1:
        raise ValueError(f"no cable is shorter than the great circle: detour must be 1 or more, got {detour}")
    return 2 * distance_km(a, b) * detour / FIBRE_KM_PER_S


def nearest(name: str, edges: Iterable[str]) -> str:
    """The one of *edges* nearest to city *name*. Raises ValueError if there are none."""
    found = sorted(edges, key=lambda edge: distance_km(name, edge))
    if not found:
        raise ValueError("there is no edge to be near to")
    return found[0]


def first_byte_s(
    user: str, origin: str, edges: Iterable[str] = (), *, shield: str | None = None, found: str = "edge",
    work_s: float = 0.05, handshakes: int = HANDSHAKES,
) -> float:  # fmt: skip
    """Seconds from a click in city *user* to the first byte.

    Without *edges*: *handshakes* and the request go to *origin*, which works *work_s*. With edges they go to the
    nearest one; if the answer is not *found* there ("edge") it goes on over connections that are open already, to the
    *shield* ("shield") or past it to the origin ("origin"). handshakes=0: the user's connection is open too. Raises
    ValueError for another place.
    """
    if found not in ("edge", "shield", "origin") or (found == "shield" and shield is None):
        raise ValueError(f'found must be "edge", "origin", or "shield" where there is one, got {found!r}')
    places = list(edges)
    if not places:
        return (handshakes + 1) * (round_trip_s(user, origin) + ACCESS_S) + work_s
    edge = nearest(user, places)
    total_s, here = (handshakes + 1) * (round_trip_s(user, edge) + ACCESS_S), edge
    if found != "edge" and shield is not None:
        total_s, here = total_s + round_trip_s(edge, shield), shield
    return total_s + (round_trip_s(here, origin) + work_s if found == "origin" else 0.0)


def ttl_hit_ratio(rate_per_s: float, ttl_s: float) -> float:
    """The hit ratio of one object that is asked for *rate_per_s* times a second and kept for *ttl_s* seconds.

    After each miss follow rate × ttl hits: Poisson arrivals, no eviction (Jung, Berger and Balakrishnan 2003).
    Raises ValueError for a negative number.
    """
    if rate_per_s < 0 or ttl_s < 0:
        raise ValueError(f"rate and ttl must be 0 or more, got {rate_per_s} a second and {ttl_s} s")
    return rate_per_s * ttl_s / (1 + rate_per_s * ttl_s)


def popularity(objects: int, alpha: float) -> np.ndarray:
    """The share of the requests that each of *objects* gets under Zipf's law with exponent *alpha*."""
    if objects < 1 or alpha < 0:
        raise ValueError(f"need at least 1 object and alpha of 0 or more, got {objects} and {alpha}")
    weight = np.arange(1, objects + 1) ** -float(alpha)
    return weight / weight.sum()


def offload(
    rate_per_s: float, ttl_s: float, *, regions: int = 1, objects: int = 1000, alpha: float = 0.8, shield: bool = False
) -> Offload:
    """What *regions* edges, each with an equal share of *rate_per_s* requests, take off the origin.

    Each of *objects* is kept for *ttl_s* seconds. Without *shield* every edge fetches for itself. With it an edge's
    copy inherits the shield's age, so all copies of an object end together: a cycle is one fetch from the origin, ttl_s
    seconds, and the wait for the next request anywhere; in it each edge that is asked at all fetches once. Raises
    ValueError for a number out of range.
    """
    if not rate_per_s > 0 or not ttl_s >= 0 or regions < 1:
        raise ValueError(f"need rate > 0, ttl >= 0 and regions >= 1, got {rate_per_s}, {ttl_s} and {regions}")
    total = rate_per_s * popularity(objects, alpha)  # requests a second for each object
    here = total / regions
    if not shield:
        missed = regions / (ttl_s + 1 / here)
        kept = 1 - float(missed.sum()) / rate_per_s
        return Offload(kept, kept, float(missed.sum()))
    cycles = 1 / (ttl_s + 1 / total)  # a second
    missed = cycles * (1 + (regions - 1) * -np.expm1(-here * ttl_s))
    reached = float(cycles.sum())
    return Offload(1 - float(missed.sum()) / rate_per_s, 1 - reached / rate_per_s, reached)


def cold_fetches(
    rate_per_s: float, for_s: float, *, regions: int = 1, objects: int = 1000, alpha: float = 0.8, shield: bool = False
) -> float:
    """How often the origin is asked while empty caches fill, *for_s* seconds long (less than any copy lives).

    Each object once in each region that asks for it at all, or once altogether behind a *shield*. Raises ValueError
    for a number out of range.
    """
    if not rate_per_s > 0 or not for_s >= 0 or regions < 1:
        raise ValueError(f"need rate > 0, time >= 0 and regions >= 1, got {rate_per_s}, {for_s} and {regions}")
    places = 1 if shield else regions
    return float(places * -np.expm1(-rate_per_s * popularity(objects, alpha) * for_s / places).sum())
