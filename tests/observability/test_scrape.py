"""Looking from outside: what a store keeps of looks, and a live server that is looked at."""

import time

import numpy as np
import pytest

from minisys.observability import dashboard, incident
from minisys.observability.monitored import Monitored
from minisys.observability.scrape import Scraper, Store
from minisys.testbed import nodes, picture


def text(ok, bad, extra=""):
    return f'x_total{{service="a",code="200"}} {ok}\nx_total{{service="a",code="500"}} {bad}\n{extra}'


def store(*looks):
    made = Store()
    for at_s, look in enumerate(looks):
        made.add(float(at_s), look)
    return made


def test_series_add_up_and_restarts_are_taken_out():
    made = store(text(10, 1), text(20, 2), text(5, 0), text(6, 3))
    assert made.sum("x_total").tolist() == [11, 22, 27, 31]
    assert made.sum("x_total", code="500").tolist() == [1, 2, 2, 5]
    assert made.values("service") == ["a"]


def test_a_look_without_an_answer_is_kept_as_such():
    made = store(text(10, 1), None, text(20, 2))
    assert made.up.tolist() == [True, False, True]
    assert made.sum("x_total").tolist() == [11, 11, 22]


def test_a_series_that_appears_later_grew_from_nothing():
    made = store(text(1, 0), text(1, 0, 'x_total{service="b",code="200"} 7\n'))
    assert made.sum("x_total").tolist() == [1, 8] and made.sum("x_total", service="b").tolist() == [0, 7]
    assert made.gauge("x_total", service="b").tolist() == [0, 7]


def test_an_unknown_series_names_the_known_ones():
    with pytest.raises(KeyError, match="x_total"):
        store(text(1, 1)).sum("y_total")


def test_a_histogram_between_two_looks():
    lines = 'd_bucket{{le="0.1"}} {}\nd_bucket{{le="1.0"}} {}\nd_bucket{{le="+Inf"}} {}\n'
    made = store(lines.format(1, 1, 1), lines.format(3, 7, 8)).histogram("d", 0, 1)
    assert made.edges == (0.1, 1.0) and made.counts == (2, 4, 1)


def test_simulated_detection_scatters_around_the_formula():
    found = np.array([incident.simulated(seed=seed)["minutes"] for seed in range(20)])
    expected = [incident.HOUR_RULE.detection_s(share, incident.SLO) / 60 for share in incident.SHARES.values()]
    error = found.mean(axis=0) / expected - 1
    assert (np.abs(error) < 0.15).all()  # looks every 1.2 min come late by 0.6 min, and by chance
    assert (np.diff(found.mean(axis=0)) < 0).all()


@pytest.fixture(scope="module")
def run():
    return incident.live({"fine": 0.0, "dead": 1.0}, begin_s=1.0, length_s=2.5, progress=False)


def test_the_counters_have_what_the_users_have(run):
    counted = run.counted()
    assert counted["users: answers"] == counted["counters: answers"] > 500
    assert counted["users: failed"] == counted["counters: failed"] > 100


def test_the_dead_service_is_reported_and_the_other_is_not(run):
    minutes = run.detections().set_index("error_percent")["minutes"]
    assert minutes[100.0] > 0 and np.isnan(minutes[0.0]) and run.early == 0


def test_charts_and_tables_of_a_live_run(run):
    assert picture.spec(incident.three_worlds(run, 5.0))["description"]
    assert picture.spec(incident.burn_chart(run))["description"]
    rows = dashboard.summary(run.store).frame
    assert rows["service"].tolist() == ["dead", "fine"]
    for show in dashboard.TITLES:
        assert set(dashboard.panel(run.store, show)["service"]) == {"dead", "fine"}
        assert picture.spec(dashboard.draw(run.store, show)[0])["description"]


def test_the_dashboard_starts_shows_a_failure_and_ends():
    made = dashboard.dashboard(services={"a": 0.0, "b": 0.0})
    assert made.scene.caption == "No traffic yet." and made.scene.still.startswith("data:image/png")
    made.controls["service"].value = "b"
    made.controls["share"].value = 100
    made.controls["traffic"].value = "running"
    deadline = time.monotonic() + 20
    while "b, with 100" not in made.scene.caption and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "b, with 100" in made.scene.caption and not made.error
    made.controls["service"].value = "a"
    assert made.values["share"] == 0
    made.stop()
    assert not made.running and made.values["traffic"] == "stopped"
    assert made.store.sum("http_requests_total", service="a", code="500")[-1] == 0


def test_what_the_control_port_refuses():
    with nodes.start(incident.MODULE, "--services", "a,b") as node:
        admin = f"http://127.0.0.1:{node.admin_port}"
        for wrong in ("service=c&share=0.1", "service=a&share=2", "service=a&share=x", "share=0.1"):
            with pytest.raises(nodes.NodeFailed, match="need a service of a, b"):
                nodes.ask("POST", f"{admin}/control/fail?{wrong}")
        assert "http_requests_total" in nodes.ask("GET", f"{admin}/metrics")
        assert "known" in str(pytest.raises(nodes.NodeFailed, nodes.ask, "GET", f"{admin}/nothing").value)
    with Scraper(f"{admin}/metrics") as scraper:
        scraper.look()
    assert not scraper.store.up.any()


@pytest.mark.parametrize("call", [
    lambda: Scraper("http://x", 0), lambda: incident.live({"a": 1.5}), lambda: incident.live({}),
    lambda: Monitored("x", []), lambda: Monitored("x", ["a", "a"]), lambda: dashboard.panel(Store(), "errors"),
    lambda: dashboard.panel(store(text(1, 0), text(2, 0)), "colour"),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
