"""The course's alert rules as a file that Prometheus loads.

The rule was tried on two hundred incidents in a notebook; then somebody typed it into the monitoring by hand, with 14.4
on the wrong window. Here the same object writes the file: one recording rule for each window, one alert for each
condition.

Promised: YAML that `promtool check rules` accepts (`check` asks it, where it is installed), numbers written from the
rule. Not done: routing and silences (Alertmanager). Format: Prometheus manual, recording and
alerting rules; names as in the Workbook's example (``job:slo_errors_per_request:ratio_rate1h``).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from minisys.observability.alerts import Condition, Rule
from minisys.observability.slo import Slo

RECORD = "job:slo_errors_per_request:ratio_rate"


def to_prometheus(
    rule: Rule,
    slo: Slo,
    *,
    bad: str = 'http_requests_total{code=~"5.."}',
    total: str = "http_requests_total",
    by: str = "job",
) -> str:
    """*rule* for *slo* as a rule file; *bad* and *total* select the counters, *by* is the label to keep apart."""
    windows = sorted({w for c in rule.conditions for w in (c.window_s, c.short_s) if w is not None})
    records = [
        {"record": RECORD + window(w), "expr": f"sum by ({by}) (rate({bad}[{window(w)}])) / "
         f"sum by ({by}) (rate({total}[{window(w)}]))"}
        for w in windows
    ]  # fmt: skip
    alerts = [_alert(condition, slo) for condition in rule.conditions]
    groups = [{"name": "slo-windows", "rules": records}, {"name": "slo-alerts", "rules": alerts}]
    return str(yaml.safe_dump({"groups": groups}, sort_keys=False, width=200))


def _alert(condition: Condition, slo: Slo) -> dict[str, Any]:
    """One alerting rule: the long window and, where there is one, the short one as well."""
    limit = f"({condition.burn:g} * {slo.budget:g})"
    spans = [condition.window_s, *([condition.short_s] if condition.short_s is not None else [])]
    made: dict[str, Any] = {
        "alert": f"ErrorBudgetBurn{window(condition.window_s)}",
        "expr": " and ".join(f"{RECORD}{window(span)} > {limit}" for span in spans),
    }
    if condition.for_s:
        made["for"] = window(condition.for_s)
    made["labels"] = {"severity": condition.severity}
    share = 100 * condition.burn * condition.window_s / slo.window_s
    made["annotations"] = {
        "summary": f"The error budget burns {condition.burn:g} times as fast as allowed: "
        f"{share:g} % of it in {window(condition.window_s)}"
    }
    return made


def window(seconds: float) -> str:
    """A duration as Prometheus writes it: "5m", "6h", "3d". Raises ValueError unless it is whole milliseconds."""
    ms = round(seconds * 1000)
    if ms <= 0 or abs(ms - seconds * 1000) > 1e-6:
        raise ValueError(f"Prometheus counts whole milliseconds above 0, got {seconds} s")
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def check(text: str) -> str:
    """What ``promtool check rules`` says of a rule file, or a sentence that there is no promtool here.

    Raises ValueError, with its words, if promtool refuses the file.
    """
    program = shutil.which("promtool")
    if program is None:
        return "promtool is not installed (Debian: apt-get install prometheus); the file was not checked by it."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(text)
        asked = subprocess.run([program, "check", "rules", str(path)], capture_output=True, text=True, timeout=20)
    if asked.returncode:
        raise ValueError(f"promtool refuses the rules: {asked.stdout}{asked.stderr}")
    return (asked.stdout + asked.stderr).replace(str(path), "rules.yaml").strip()
