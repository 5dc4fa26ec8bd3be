"""How long a message is on its way between two places of a design.

Two boxes on a whiteboard touch each other. In the same rack that costs a quarter of a millisecond, across the Atlantic
ninety, and an arrow that is taken twenty times a request costs it twenty times.

Promised: every arrow of a run pays this both ways. Simplified: no bandwidth, no jitter, no loss; a user's own last mile
is not counted, because no architecture changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from minisys.design.parts import Design
from minisys.regions.latency import round_trip_s

FAR_S = 0.1  # between two regions of which nobody knows where they lie: about Europe to America's east coast


@dataclass(frozen=True)
class Network:
    """Seconds there and back: in one zone, between zones of a region, users to an edge; and *between* two regions.

    between: {("eu", "us"): 0.09}, either way round; what is not in it is looked up by minisys.regions.latency, and
    FAR_S where a region's name is no place.
    """

    zone_s: float = 0.00025
    region_s: float = 0.001
    edge_s: float = 0.005
    between: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def regions_s(self, a: str, b: str) -> float:
        """Seconds from region *a* to region *b* and back."""
        if a == b:
            return self.region_s
        for pair in ((a, b), (b, a)):
            if pair in self.between:
                return self.between[pair]
        try:
            return round_trip_s(a, b)
        except (KeyError, ValueError):
            return FAR_S

    def one_way_s(self, design: Design) -> np.ndarray:
        """Seconds one way between all places: the design's zones, in order, and then its regions' users."""
        zones = [zone for some in design.regions.values() for zone in some]
        place = [(design.region_of(zone), zone) for zone in zones] + [(region, "") for region in design.regions]
        n = len(place)
        half = np.empty((n, n))
        for i, j in product(range(n), repeat=2):
            (region, zone), (other, there) = place[i], place[j]
            half[i, j] = (self.zone_s if zone and zone == there else self.regions_s(region, other)) / 2
        return half


NO_NETWORK = Network(0.0, 0.0, 0.0)
"""Everything in one place: what queueing theory assumes."""


def without_distance(design: Design) -> Network:
    """NO_NETWORK with no time between the regions of *design* either."""
    pairs = {(a, b): 0.0 for a, b in product(design.regions, repeat=2)}
    return Network(0.0, 0.0, 0.0, pairs)
