"""The pictures of the scalability law: the words under them, what they refuse, and the explorer over other's data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from minisys.scaling import curves, data, draw, theory, usl
from minisys.testbed import picture

FRAME = pd.DataFrame({"n": [1, 2, 4, 8, 12], "throughput": [100.0, 180.0, 290.0, 330.0, 300.0]})


@pytest.mark.parametrize(
    "measured", [data.SPECSDM91, data.RAYTRACER, data.CISCO, FRAME], ids=["sdm", "ray", "cisco", "own"]
)
def test_a_fit_is_drawn_with_its_band_and_said_in_words(measured):
    made = picture.spec(curves.fitted(measured))
    assert "alpha" in made["description"] and "residual error" in made["description"]
    kinds = {row.get("kind") for part in made["datasets"].values() for row in part}
    assert {"measured", "USL", "Amdahl", "straight line"} <= kinds
    assert picture.spec(curves.residuals(measured))["description"]


def test_the_peak_is_marked_where_there_is_one():
    assert "peak: 1,884 at 96.5" in str(picture.spec(curves.fitted(data.SPECSDM91)))
    assert "peak:" not in str(picture.spec(curves.fitted(data.RAYTRACER)))


def test_both_laws_stand_in_a_table_with_intervals_and_a_verdict():
    frame = curves.laws(data.SPECSDM91).frame.set_index("law")
    assert frame.loc["USL", "alpha"].startswith("0.0277 (") and frame.loc["Amdahl", "beta"] == "0"
    assert frame.loc["USL", "peak at"] == "96.5" and frame.loc["Amdahl", "peak at"] == "none"
    assert [curves.worth_it(each) for each in (data.SPECSDM91, data.RAYTRACER)] == [
        f"beta is worth a coefficient here: {word}" for word in ("yes", "no")
    ]


def test_the_best_coefficients_by_hand_are_as_good_as_the_fit():
    best = usl.fit(data.SPECSDM91.frame["n"], data.SPECSDM91.frame["throughput"])
    _, said = curves.by_hand_at("SPEC SDM91", round(best.alpha, 3), 100)
    assert "residual error 83" in said and said.endswith("The best fit's residual error is 82.8.")
    assert "no peak" in curves.by_hand_at("ray tracer", 0.05, 0)[1]
    made = curves.by_hand_explorer()
    assert made.error == "" and "SPARCcenter" in made.scene.alt


def test_the_law_of_the_parts_is_the_law():
    frame = curves.of_parts(8, 0.006, 0.0006, 0.0002)
    law = theory.usl_of_parts(0.006, 0.0006, 0.0002)
    assert frame["throughput"].tolist() == pytest.approx([theory.usl(n, *law) for n in frame["n"]])


def test_a_frame_without_the_columns_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match="columns n and throughput; it has workers"):
        curves.fitted(FRAME.rename(columns={"n": "workers"}))
    with pytest.raises(ValueError, match="nothing to draw"):
        draw.layers(x="n", y="throughput", title="nothing")


def test_percentiles_are_those_of_the_trace():
    from minisys.scaling import model

    run = model.simulate("one queue", model.requests(0.7, 3, 20_000, 1), 3)
    frame, _ = draw.percentiles({"one queue": run})
    assert frame.set_index("tail")["latency_s"].loc[2.0] == pytest.approx(run.percentile(99))
    assert np.isfinite(frame["latency_s"]).all()
