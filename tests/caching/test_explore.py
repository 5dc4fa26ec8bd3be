"""What the chapter says of its pictures is in the pictures: rankings, bounds and words."""

from __future__ import annotations

import pytest

from minisys.caching import curves, explore, incidents


def test_the_explorer_redraws_for_every_policy_and_says_the_result():
    for name in curves.POLICIES:
        chart, caption = explore.hit_ratio_at(name, 300, 0.9, 20)
        assert caption.startswith(f"Hit ratio: {name}") and "the optimum" in caption
        assert chart.to_dict()["description"]


def test_scans_hurt_lru_more_than_sieve():
    def lead(scan):
        chart, caption = explore.hit_ratio_at("sieve", 500, 0.9, scan)
        found = {part.rsplit(" ", 2)[0]: float(part.split(" ")[-2]) for part in caption[11:-1].split(", ")}
        return found["sieve"] - found["lru"], found["the optimum"] - max(found["sieve"], found["lru"])

    assert lead(25)[0] > 0 and all(lead(scan)[1] >= 0 for scan in (0, 25, 50))


def test_no_policy_is_the_best_on_all_traces():
    cells = explore.no_best_policy().to_dict()["datasets"]
    rows = [row for rows in cells.values() for row in rows if "hit_percent" in row]
    assert len(rows) == 32
    best = {}
    for kind in explore.TRACES:
        found = {row["policy"]: row["hit_percent"] for row in rows if row["trace"] == kind}
        assert found.pop("the optimum") >= max(found.values())
        best[kind] = max(found, key=found.get)
    assert len(set(best.values())) > 1, best


def test_stampede_rows_rank_the_protections():
    rows = incidents.stampede_rows().groupby("protection").mean()
    counts = rows["computations an expiry"]
    assert counts["none"] > counts["xfetch"] > counts["single flight"] == counts["stale-while-revalidate"] >= 1
    assert rows["stale answers (%)"].drop("stale-while-revalidate").max() == 0


def test_the_charts_and_tables_are_made():
    for made in (explore.loss_table(), incidents.missing_table()):
        assert len(made.frame) >= 2
    for chart in (explore.three_worlds(prediction=50), explore.curve_chart(("lru", "sieve")), incidents.hot_key()):
        assert chart.to_dict()["description"]
    with pytest.raises(ValueError, match="unknown trace"):
        explore.trace_of("noise")
