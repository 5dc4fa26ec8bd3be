"""Numbers that a text quotes from an explorer or a formula beside it: the code still says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median

import pytest

from minisys.caching.explore_edge import world_at
from minisys.caching.explore_offload import offload_at
from minisys.chaos import explorers
from minisys.chaos.shop_charts import while_down
from minisys.observability import explore_alerts, explore_healing, healing_model, incidents
from minisys.observability.alerts import PUBLISHED
from minisys.observability.explore import averaging_at
from minisys.observability.runbooks import DEFAULT
from minisys.observability.slo import Slo
from minisys.regions import latency
from minisys.regions import theory as regions
from minisys.regions.explorers import names_table
from minisys.regions.figures import SEEN
from minisys.regions.levels import BACKUP
from minisys.resilience import explore, explore_defences, explore_live, metastable
from minisys.scaling import curves, theory, usl

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def mean_first_byte_ms(edges: int) -> int:
    """The explorer's sentence on *edges* edges."""
    return int(re.search(r"Mean first byte (\d+) ms", world_at(edges)[1])[1])


def at_the_origin(ttl: int, shield: bool) -> float:
    """Requests a second at the origin with 30 regions, as the explorer says it."""
    found = re.findall(r"the origin gets ([\d.]+) a second", offload_at(200, ttl, 30, 0.8)[1])
    return float(found[shield])


def response(load: float, cv: float) -> float:
    """Mean response of one server, in service times."""
    return 1 + theory.kingman(load, 1.0, cv)


def scripts_per_hour(beta: int) -> float:
    """What 320 users may expect with alpha 0.028 and *beta* millionths, gamma fitted to the published points."""
    n, x = (curves.PUBLISHED["SPEC SDM91"].frame[name].to_numpy() for name in ("n", "throughput"))
    h = usl.curve(n, 0.028, beta / 1e6)
    return round(float(h @ x / (h @ h)) * float(usl.curve(320, 0.028, beta / 1e6)), -1)


def inside_calls(second: int) -> list[int]:
    """Calls in line and at work in shop, orders and database at *second* of chapter 10's outage."""
    return list(explore.inside(explore.outage("as it was"), float(second))["calls"])


def marks_of(window: str, burn: float) -> list[float]:
    """Precision and recall of one condition with a short window, as the explorer has them."""
    span_s = explore_alerts.SPANS[window]
    made = explore_alerts._scored(span_s, burn, span_s / 12)
    return [made.precision, made.recall]


def published_marks() -> list[float]:
    """Precision and recall of the published rule on the incidents behind the slider."""
    made = incidents.score(PUBLISHED, explore_alerts.drawn(explore_alerts.FEW))
    return [made.precision, made.recall]


def off_by(slow_percent: int) -> int:
    """By how many percent the mean of the percentiles is off, as the explorer says it."""
    said = averaging_at(slow_percent, 20, "99")[1]
    return int(re.search(r"off by ([+−]\d+) %", said)[1].replace("−", "-"))


def paged_s(kind: str) -> float:
    """Seconds from the beginning of one trouble of this *kind* to the supervisor's page."""
    acts = healing_model.simulate(DEFAULT, [healing_model.Fault(60.0, kind, 2)]).acts
    return next(act.at_s for act in acts if act.action == "page") - 60.0


def numbers(said: str) -> list[float]:
    """The numbers in an explorer's sentence, in order."""
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?", said)]


def exposed(hurts: float) -> list[float]:
    """What the blast radius explorer says: the radius in percent, orders exposed, failed."""
    radius, _, orders, failed, _ = numbers(explorers.radius_at(60, 2.0, hurts)[1])
    return [radius, orders, failed]


QUOTED = [
    ("13", "36 % more for each cable's own bends, and 5 ms", lambda: [latency.DETOUR, latency.EQUIPMENT_S],
     [1.36, 0.005]),
    ("13", "what it gets back is up to 70 minutes old", lambda: regions.rpo_worst_s(BACKUP.copies) / 60, 70),
    ("13", "Half of the 66 pairs are met within 6 %",
     lambda: round(median(abs(row["off"]) for row in latency.compared()), 2), 0.05),
    ("13", "Virginia to London and to Tokyo come out 12 and 14 % too long",
     lambda: [round(row["off"], 2) for to in ("London", "Tokyo") for row in latency.compared()
              if (row["from"], row["to"]) == ("Virginia", to)], [0.12, 0.14]),
    ("13", "from 188 s to 166: noticing takes longer. Checks every 10 s bring it to 138, without those who never ask "
     "again it is 117",
     lambda: [int(cell) for cell in names_table().frame["cut off, DNS (s)"]][:4], [188, 166, 138, 117]),
    ("13", "the curve begins at 87 %", lambda: round(regions.stale_mix(0, 60, SEEN, 0.1), 2), 0.87),
    ("13", "at nearly five times the storage", lambda: 500 * 30 / (500 * 30 / 7 + 40 * 30 * 6 / 7), 175 / 37),
    ("13", "0.99⁷ or 93 % on the last", lambda: round(regions.whole(7, 0.01), 2), 0.93),
    ("13", "Weekly and one copy: about 96 %. A full backup every day: 99 %",
     lambda: [round(regions.whole_on_average(days - 1, 0.01), 2) for days in (7, 1)], [0.96, 0.99]),
    ("13", "better than 99.9 %", lambda: round(regions.whole_on_average(6, 0.01**2), 4), 0.9996),
    ("02", "5 service times against 4,", lambda: [response(0.9, 1) - response(0.8, 1), response(0.8, 1) - 1], [5, 4]),
    ("02", "(cv 2) 12.5", lambda: response(0.9, 2) - response(0.8, 2), 12.5),
    ("02", "expect 1,690 or 1,180", lambda: [scripts_per_hour(50), scripts_per_hour(175)], [1690, 1180]),
    ("05", "from 407 to 153 ms", lambda: [mean_first_byte_ms(0), mean_first_byte_ms(3)], [407, 153]),
    ("05", "from 93 to 80", lambda: [mean_first_byte_ms(9), mean_first_byte_ms(12)], [93, 80]),
    ("05", "from 104 requests a second to 14", lambda: [at_the_origin(60, way) for way in (False, True)], [104, 14.2]),
    ("05", "Ten times the time to live: to 34", lambda: at_the_origin(600, False), 33.5),
    ("05", "Both together: to 1.6", lambda: at_the_origin(600, True), 1.64),
    ("11", "after 3.6 hours", lambda: PUBLISHED.conditions[1].detection_s(0.01, Slo()) / 3600, 3.6),
    ("11", "finds everything here and is wrong once in ten", lambda: marks_of("6 h", 2.0), [17 / 19, 1.0]),
    ("12", "(4.1 calls for each order", lambda: round(while_down({"eager retries"}), 1), 4.1),
    ("12", "from 22 exposed orders to 955", lambda: [exposed(hurts)[1] for hurts in (0.2, 0.01)], [22, 955]),
    ("12", "4 failed orders, or 10", lambda: [exposed(hurts)[2] for hurts in (0.2, 0.01)], [4, 10]),
    ("11", "(on the same sixty: 89 % and 97 %)", published_marks, [33 / 37, 33 / 34]),
    ("11", "+139 % at 1 %, −7 % at 2 %, −38 % at 3 %", lambda: [off_by(share) for share in (1, 2, 3)], [139, -7, -38]),
    ("11", "2.17 alerts for 1.07",
     lambda: [round(made.alerts, 2) for made in explore_alerts.scores()[:3:-1]], [2.17, 1.07]),
    ("11", "within 68 seconds (7 minutes for the crash loop",
     lambda: [paged_s("bad disk"), paged_s("crash loop") / 60], [68, 7]),
    ("11", "restarts it 123 times in 45 minutes",
     lambda: numbers(" ".join(explore_healing.loop_table().frame.iloc[3, [2, 4]])), [123, 45]),
    ("10", "two workers are busy", lambda: numbers(explore.replay_at(9, "as it was")[1])[:3], [2, 8, 0]),
    ("10", "All eight serve calls whose callers have gone", lambda: numbers(explore.replay_at(11, "as it was")[1])[:2],
     [8, 8]),
    ("10", "the shop 1,431, orders 396, the database 305",
     lambda: inside_calls(16)[::3], [1431, 396, 305]),
    ("10", "the shop 8,163, orders 32, the database 24", lambda: inside_calls(40)[::3], [8163, 32, 24]),
    ("10", "32 ÷ 0.3 = 107", lambda: int(32 / metastable.TIMEOUTS_S[-1] + 0.5), 107),
    ("10", "After half a second it recovers",
     lambda: [numbers(explore.metastable_at(65, 3, length, "none")[1])[0] for length in (0.5, 1.0)], [100, 0]),
    ("10", "81 % on average, and at 0.4 still 10 %",
     lambda: list(explore_live.simulated((0.25, 0.4))["afterwards"].mul(100).round()), [81, 10]),
    ("10", "the p99 doubles at 70 %", lambda: numbers(explore_defences.hedging_at(50, 100, 70)[1])[1::3], [215, 405]),
    ("10", "With no cap it is 13 %", lambda: numbers(explore_defences.hedging_at(95, 100, 40)[1])[-1], 1.13),
    ("10", "a dozen calls instead of a thousand",
     lambda: numbers(explore_defences.breaker_at(5, 3.0, 100)[1])[2:4], [12, 980]),
    ("10", "less than half for a tenth more calls", lambda: numbers(explore_defences.hedging_at(95, 10, 40)[1])[1::3],
     [215, 95]),
]  # fmt: skip


@pytest.mark.parametrize("chapter, words, now, quoted", QUOTED, ids=[f"{c}-{words}" for c, words, _, _ in QUOTED])
def test_a_quoted_number_is_what_the_code_gives(chapter, words, now, quoted):
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    texts = ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]
    assert any(words in " ".join(text.split()) for text in texts), f"the text no longer says {words!r}"
    assert now() == pytest.approx(quoted)
