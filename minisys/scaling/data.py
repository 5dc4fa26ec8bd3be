"""Measurements that somebody published: throughput against the number of users, processors or threads.

A law that is only ever shown on data made for it is not shown. These are other people's measurements, with what they
measured and where they published it. Each is a frame with the columns n and throughput.

Promised: the numbers as published. Not promised: that they say anything about your system.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Published:
    """A published measurement: *frame* with columns n and throughput, what *n* and *throughput* count, the *source*."""

    name: str
    what: str
    n: str
    throughput: str
    source: str
    points: tuple[tuple[float, float], ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The points as a frame with the columns n and throughput."""
        return pd.DataFrame(self.points, columns=["n", "throughput"]).astype(float)


_GUNTHER = "Gunther 2007, Guerrilla Capacity Planning; data of the R package usl (BSD-2-Clause)"
_CISCO = (  # with 1, 2, 3 ... clients
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61, 8278.71, 8646.7, 9047.84,
    9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52, 11151.43, 11518.63, 11806.0, 12089.37, 12075.41,
    12177.29, 12211.41, 12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
)  # fmt: skip

SPECSDM91 = Published(
    "SPEC SDM91",
    "SPEC SDM91 on a Sun SPARCcenter 2000 with 16 processors, 1994",
    "simulated users",
    "scripts an hour",
    _GUNTHER,
    ((1, 64.9), (18, 995.9), (36, 1652.4), (72, 1853.2), (108, 1828.9), (144, 1775.0), (216, 1702.2)),
)
RAYTRACER = Published(
    "ray tracer",
    "A ray tracer (BRL-CAD) on an SGI Origin 2000 with 64 processors",
    "processors",
    "ray intersections a second, as published",
    _GUNTHER,
    tuple(zip((1, *range(4, 33, 4), 48, 64), (20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310), strict=True)),
)
CISCO = Published(
    "Cisco benchmark",
    "The Cisco benchmark of Schwartz's book",
    "concurrent clients",
    "requests a second",
    "Schwartz 2015, Practical Scalability Analysis with the USL; data of usl4j (Apache-2.0)",
    tuple(enumerate(_CISCO, 1)),
)
PUBLISHED = {each.name: each for each in (SPECSDM91, RAYTRACER, CISCO)}
