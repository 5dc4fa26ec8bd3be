"""How far apart two regions are, and how long a packet takes there and back: geography and the speed of light.

"Let us simply write to both regions at once": from Virginia to Frankfurt and back light in glass takes 64 ms, and no
budget buys a faster light. What can be bought is a straighter cable. Cables follow coasts and go through few straits,
so the way is longer than the map's: between Europe and Japan by three quarters.

    round_trip_s("Virginia", "Frankfurt")        # about 0.09
    round_trip_s("eu", "us")                     # short names and the clouds' own names are understood

Promised: great circles; the shortest way along CABLES at the speed of light in glass, times DETOUR, plus EQUIPMENT_S.
The two constants are fitted to what one provider publishes (PUBLISHED, 66 pairs); `compared` says how far off each
is. Not promised: your provider's network today, congestion, the last mile to a user. Order of magnitude, not contract.

Sources: IBM Cloud Docs, "Network latency" (means of 18 October to 16 November 2025); sirupsen/napkin-math (March 2026).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt

EARTH_KM = 6371.0088  # mean radius
LIGHT_KM_PER_S = 299_792.458
GLASS = 1.468  # refractive index of a single-mode fibre at 1550 nm (Corning SMF-28): light goes at two thirds of c
DETOUR = 1.36  # a fibre from place to place is so many times as long as the great circle; fitted to PUBLISHED
EQUIPMENT_S = 0.005  # both ways: routers, amplifiers, the way within the two cities; fitted to PUBLISHED
ZONE_S = 0.0005  # between two zones of a region, there and back (napkin-math: 0.25 ms on average; some are further)


@dataclass(frozen=True)
class Region:
    """A cloud region: where it stands (degrees north and east), its continent, and what clouds call the place."""

    name: str
    latitude: float
    longitude: float
    continent: str
    also: tuple[str, ...] = ()


REGIONS = {
    one.name: one
    for one in (
        Region("Virginia", 38.95, -77.45, "North America", ("us", "us-east", "us-east-1", "eastus", "us-east4")),
        Region("Dallas", 32.78, -96.80, "North America", ("us-south", "southcentralus", "us-south1")),
        Region("Oregon", 45.60, -121.18, "North America", ("us-west", "us-west-2", "us-west1")),
        Region("Montreal", 45.50, -73.57, "North America", ("ca", "ca-central-1", "northamerica-northeast1")),
        Region("Toronto", 43.65, -79.38, "North America", ("ca-tor", "canadacentral", "northamerica-northeast2")),
        Region("Sao Paulo", -23.55, -46.63, "South America", ("sa", "sa-east-1", "brazilsouth", "southamerica-east1")),
        Region("Ireland", 53.35, -6.26, "Europe", ("eu-west", "eu-west-1", "northeurope")),
        Region("London", 51.51, -0.13, "Europe", ("uk", "eu-west-2", "uksouth", "europe-west2")),
        Region("Frankfurt", 50.11, 8.68, "Europe", ("eu", "eu-central", "eu-central-1", "europe-west3")),
        Region("Madrid", 40.42, -3.70, "Europe", ("eu-south-2", "spaincentral", "europe-southwest1")),
        Region("Mumbai", 19.08, 72.88, "Asia", ("in", "ap-south-1", "asia-south1")),
        Region("Chennai", 13.08, 80.27, "Asia", ("southindia", "in-che")),
        Region("Singapore", 1.35, 103.82, "Asia", ("ap", "asia", "ap-southeast-1", "southeastasia", "asia-southeast1")),
        Region("Tokyo", 35.68, 139.69, "Asia", ("jp", "ap-northeast-1", "japaneast", "asia-northeast1")),
        Region("Osaka", 34.69, 135.50, "Asia", ("ap-northeast-3", "japanwest", "asia-northeast2")),
        Region("Sydney", -33.87, 151.21, "Australia", ("au", "ap-southeast-2", "australiaeast")),
    )
}
# Where cables turn or land on the way; nobody computes there.
LANDINGS = {
    "California": (37.4, -122.1), "Florida": (25.8, -80.2), "Fortaleza": (-3.7, -38.5), "Marseille": (43.3, 5.4),
    "Suez": (30.0, 32.6), "Aden": (12.8, 45.0), "Guam": (13.5, 144.8),
}  # fmt: skip
# The routes that carry most of the traffic, as a map of submarine cables shows them (submarinecablemap.com).
CABLES = (
    ("Virginia", "Toronto"), ("Virginia", "Montreal"), ("Toronto", "Montreal"), ("Virginia", "Dallas"),
    ("Toronto", "Dallas"), ("Dallas", "California"), ("California", "Oregon"), ("Virginia", "Oregon"),
    ("Dallas", "Oregon"), ("Toronto", "Oregon"), ("Virginia", "Florida"), ("Dallas", "Florida"),
    ("Florida", "Fortaleza"), ("Virginia", "Fortaleza"), ("Fortaleza", "Sao Paulo"),
    ("Virginia", "London"), ("Virginia", "Ireland"), ("Virginia", "Madrid"), ("Montreal", "London"),
    ("Ireland", "London"), ("London", "Frankfurt"), ("London", "Madrid"), ("Frankfurt", "Madrid"),
    ("Frankfurt", "Marseille"), ("London", "Marseille"), ("Madrid", "Marseille"), ("Marseille", "Suez"),
    ("Suez", "Aden"), ("Aden", "Mumbai"), ("Aden", "Singapore"), ("Mumbai", "Chennai"), ("Chennai", "Singapore"),
    ("Singapore", "Tokyo"), ("Singapore", "Osaka"), ("Tokyo", "Osaka"), ("Singapore", "Sydney"), ("Sydney", "Guam"),
    ("Guam", "Tokyo"), ("Guam", "Osaka"), ("California", "Tokyo"), ("Oregon", "Tokyo"), ("California", "Sydney"),
)  # fmt: skip

_CITIES = ("Dallas", "Toronto", "Virginia", "Frankfurt", "London", "Madrid", "Montreal", "Chennai", "Osaka", "Sydney",
           "Tokyo", "Sao Paulo")  # fmt: skip
_ROWS = (
    (34, 32, 122, 112, 117, 42, 246, 150, 185, 142, 142),
    (19, 93, 82, 106, 10, 222, 144, 216, 136, 127),
    (86, 75, 87, 16, 234, 147, 215, 139, 116),
    (13, 29, 89, 141, 235, 249, 224, 194),
    (27, 79, 144, 247, 260, 236, 185),
    (102, 150, 260, 274, 250, 204),
    (218, 152, 223, 145, 125),
    (111, 125, 100, 357),
    (125, 9, 289),
    (118, 323),
    (282,),
)
# Milliseconds there and back, of each pair of cities; IBM Cloud, October and November 2025.
PUBLISHED = {
    (_CITIES[i], _CITIES[i + 1 + j]): value / 1000 for i, row in enumerate(_ROWS) for j, value in enumerate(row)
}


def region(name: str) -> Region:
    """The region called *name*: here ("Frankfurt"), in a cloud ("eu-central-1") or for short ("eu").

    Raises ValueError, with the names that are known, for any other.
    """
    for one in REGIONS.values():
        if name == one.name or name in one.also:
            return one
    raise ValueError(f"unknown region {name!r}; known: {', '.join(REGIONS)}, and short names such as us, eu, asia")


def distance_km(a: str, b: str) -> float:
    """Kilometres from region *a* to *b* as the crow flies: the great circle. Raises ValueError for an unknown name."""
    return _great_circle_km(_place(region(a).name), _place(region(b).name))


@lru_cache(maxsize=512)
def route(a: str, b: str) -> tuple[str, ...]:
    """The places on the shortest way from *a* to *b* along CABLES, both ends included (Dijkstra)."""
    start, end = region(a).name, region(b).name
    heap: list[tuple[float, tuple[str, ...]]] = [(0.0, (start,))]
    seen: set[str] = set()
    while heap:
        so_far, way = heapq.heappop(heap)
        if way[-1] == end:
            return way
        if way[-1] in seen:
            continue
        seen.add(way[-1])
        for other in _neighbours(way[-1]):
            heapq.heappush(heap, (so_far + _great_circle_km(_place(way[-1]), _place(other)), (*way, other)))
    raise ValueError(f"no cable leads from {start} to {end}")


def cable_km(a: str, b: str) -> float:
    """Kilometres from *a* to *b* along the cables, each taken as a great circle between its ends."""
    way = route(a, b)
    return sum(_great_circle_km(_place(one), _place(other)) for one, other in zip(way, way[1:], strict=False))


def light_s(km: float) -> float:
    """Seconds there and back over *km* kilometres of glass, if it lay there in a straight line: the least possible."""
    return 2 * km / (LIGHT_KM_PER_S / GLASS)


@lru_cache(maxsize=512)
def round_trip_s(a: str, b: str) -> float:
    """Seconds there and back between regions *a* and *b*; within a region ZONE_S, from one zone to another.

    Raises ValueError for an unknown name.
    """
    if region(a) == region(b):
        return ZONE_S
    return light_s(cable_km(a, b)) * DETOUR + EQUIPMENT_S


def compared() -> list[dict[str, object]]:
    """For each published pair: from, to, km, light_s, published_s, here_s, and off (here over published, less 1)."""
    return [
        {"from": a, "to": b, "km": distance_km(a, b), "light_s": light_s(distance_km(a, b)),
         "published_s": published, "here_s": round_trip_s(a, b), "off": round_trip_s(a, b) / published - 1}
        for (a, b), published in PUBLISHED.items()
    ]  # fmt: skip


def _neighbours(place: str) -> Iterator[str]:
    for one, other in CABLES:
        if place in (one, other):
            yield other if place == one else one


def _place(name: str) -> tuple[float, float]:
    one = REGIONS.get(name)
    return (one.latitude, one.longitude) if one else LANDINGS[name]


def _great_circle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometres between two (latitude, longitude) in degrees, on a sphere (haversine)."""
    north, east = radians(one[0]), radians(one[1])
    north_2, east_2 = radians(other[0]), radians(other[1])
    half = sin((north_2 - north) / 2) ** 2 + cos(north) * cos(north_2) * sin((east_2 - east) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))
