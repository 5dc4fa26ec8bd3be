"""`chaos run` executes what we ship, its exit code says what it found, and it talks to nobody outside."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from minisys.chaos import toolkit
from minisys.chaos.kinds import KINDS, checked

WATCH = """
import os, sys

def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = args[0] if event == "socket.getaddrinfo" else args[1]
        where = where[0] if isinstance(where, tuple) else where
        if where not in ("127.0.0.1", "localhost", None):
            with open(os.environ["CALLS"], "a") as file:
                file.write(f"{event} {where}\\n")
            raise OSError("nothing leaves this machine in a test")

sys.addaudithook(watch)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which every Python process started now writes down whom it wanted to talk to, and may not."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "watch"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


@pytest.mark.live
def test_a_hypothesis_that_holds_is_exit_code_0_and_nothing_leaves_the_machine(calls: Path, tmp_path: Path) -> None:
    done = toolkit.run(toolkit.shipped()["kill_a_backend"], tmp_path)
    assert (done.code, done.status, done.deviated) == (0, "completed", False), done.said
    assert not calls.exists()
    outputs = {one["activity"]["name"]: one["output"] for one in done.journal["run"]}
    assert outputs["it is gone"] is False
    assert set(outputs["who answers now"]) == {"b"}
    assert [one["output"] for one in done.journal["rollbacks"]] == [1]
    kept = json.loads((tmp_path / "kill_a_backend.journal.json").read_text())
    assert kept["steady_states"]["after"]["steady_state_met"]


@pytest.mark.live
def test_a_hypothesis_that_does_not_is_exit_code_1_and_the_rollback_still_runs(tmp_path: Path) -> None:
    done = toolkit.run(toolkit.shipped()["kill_the_only_backend"], tmp_path)
    assert (done.code, done.deviated) == (1, True), done.said
    assert done.journal["steady_states"]["before"]["steady_state_met"]
    assert done.journal["steady_states"]["after"]["probes"][0]["output"] == 0.0
    assert [one["status"] for one in done.journal["rollbacks"]] == ["succeeded"]


def test_without_our_option_it_would_ask_for_a_newer_version(calls: Path) -> None:
    experiment = str(toolkit.shipped()["slow_link"])
    ours = toolkit.command(Path(experiment), Path("journal"))
    theirs = [word for word in ours[: ours.index("run")] if word != "--no-version-check"]
    done = subprocess.run([*theirs, "validate", experiment], env=toolkit.environment(), capture_output=True, text=True)
    assert "releases.chaostoolkit.org" in calls.read_text()
    assert "--no-version-check" in ours
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", toolkit.shipped())
def test_every_experiment_is_valid_and_rolls_back_always(name: str, caplog: pytest.LogCaptureFixture) -> None:
    experiment = json.loads(toolkit.shipped()[name].read_text())
    ensure_experiment_is_valid(experiment)
    assert experiment["runtime"]["rollbacks"]["strategy"] == "always"
    assert [one["provider"]["func"] for one in experiment["rollbacks"]] == ["end_all"]
    for activity in experiment["method"]:
        given = activity["provider"].get("arguments", {})
        for fault in given.get("faults", [given] if "kind" in given else []):
            assert fault["kind"] in KINDS
            checked(fault["kind"], fault.get("values", {n: v for n, v in fault.items() if n in KINDS[fault["kind"]]}))


def test_without_a_system_the_actions_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the experiment needs the control with the module minisys.chaos.toolkit"):
        toolkit.begin("kill", "a")
    with pytest.raises(ValueError, match="no 'kill' fault was begun on 'a'; there are \\[\\]"):
        toolkit.end("kill", "a")
    assert toolkit.end_all() == toolkit.left_broken() == 0
    with pytest.raises(ValueError, match="there is no experiment .*; shipped are flaky_network, kill_a_backend"):
        toolkit.run(tmp_path / "none.json", tmp_path)


@pytest.mark.live
def test_faults_on_a_live_system_by_name() -> None:
    toolkit.configure_control(backends=["a", "b"], prices=True)
    try:
        toolkit.begin("errors", "prices", {"ratio": 1.0})
        assert toolkit.success_ratio("prices", requests=5) == 0
        with pytest.raises(ValueError, match="'prices' has a 'errors' fault already"):
            toolkit.begin("errors", "prices")
        assert toolkit.end("errors", "prices") == "errors on prices has ended"
        assert toolkit.success_ratio("prices", requests=5) == toolkit.true_ratio(requests=5) == 1
        toolkit.begin("slow answers", "prices", {"delay_s": 0.05})
        assert toolkit.latency_s(0.5, "prices", requests=3) >= 0.05
        log = toolkit.play([{"kind": "kill", "target": "a", "for_s": 0.1}])
        assert [(entry["what"], entry["problem"]) for entry in log] == [("begin", ""), ("end", "")]
        assert toolkit.running("b") and toolkit.left_broken() == 1
        assert toolkit.end_all() == 1
        with pytest.raises(ValueError, match="need one of shop, prices and requests >= 1; got 'x' and 1"):
            toolkit.success_ratio("x", requests=1)
    finally:
        toolkit.cleanup_control()
    assert not toolkit._systems
