"""What the chapter breaks for real: short runs of each experiment, judged by what users saw."""

from __future__ import annotations

import pytest

from minisys.load_balancing import experiments, explore, real
from minisys.load_balancing.plan import Step


@pytest.mark.live
def test_nobody_notices_that_a_backend_is_killed_and_the_chart_shows_who_took_over() -> None:
    trace = experiments.kill_a_backend(for_s=1.9)
    assert experiments.users_saw(trace) == "380 requests: 380 ok, 0 failed, 0 refused, 0 timeout, 0 unfinished"
    assert int(experiments.repeated(trace).split()[0]) > 0
    killed_s, back_s = (step.at_s for step in experiments.KILL)
    dead = trace.frame[trace.frame["sent_s"].between(killed_s + 0.1, back_s - 0.1)]
    assert set(dead["server"]) == {"a", "c"}
    assert "kill b" in str(experiments.rerouting(trace).to_dict())


@pytest.mark.live
def test_layer_4_leaves_the_new_backend_idle_and_layer_7_does_not() -> None:
    frame = experiments.layer_4_or_7().frame.set_index("layer")
    late = [name for name in frame if "added later" in name][0]
    assert frame.loc["4", late] == "0" and int(frame.loc["7", late]) > 0


def test_a_product_that_is_missing_costs_one_line_and_the_others_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(product: str, *args: object, **more: object) -> object:
        raise real.ProductMissing(f"{product} is not installed: make lab without REAL=0 brings it")

    monkeypatch.setattr(real, "run", missing)
    trace = explore.fast.simulate("random", explore.short_run(0.5, 1), backends=["a", "b", "c"])
    shown = experiments.products_side_by_side(trace)
    assert len(shown.frame) == 1 and "nginx is not installed" in shown.caption and "haproxy" in shown.caption


def test_the_configuration_is_the_one_that_runs() -> None:
    assert "balance leastconn" in experiments.configuration("haproxy").data
    assert "least_conn" in experiments.configuration("nginx").data


def test_phases_follow_one_another_and_keep_their_requests() -> None:
    parts = [explore.short_run(0.5, 1), explore.short_run(0.7, 1)]
    whole = experiments.one_after_the_other(parts, [0.0, 10.0])
    assert len(whole) == sum(map(len, parts)) and whole.arrival_s[len(parts[0])] == 10.0
    assert (whole.work_s[len(parts[0]) :] == parts[1].work_s).all()


def test_the_plans_name_backends_that_are_there() -> None:
    assert all(isinstance(step, Step) for step in (*experiments.KILL, *experiments.MOVE))
