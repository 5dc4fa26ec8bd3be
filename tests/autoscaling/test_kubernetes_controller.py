"""Kubernetes' rule against its controller: kubernetes/pkg/controller/podautoscaler read step by step into Python.

Ours folds the steps into few lines; this keeps their order and names (groupPods, GetResourceReplicas, normalise with
behaviours), so that a slip in the folding shows.
"""

from __future__ import annotations

import random

import pytest

from minisys.autoscaling.kubernetes import Behaviour, HorizontalPodAutoscaler, Limit
from minisys.autoscaling.policies import Instance, Seen, whole


class Controller:
    """The controller's steps for the numbers of *rule*."""

    def __init__(self, rule: HorizontalPodAutoscaler) -> None:
        self.rule = rule
        self.recommendations: list[tuple[float, int]] = []
        self.events: dict[str, list[tuple[float, int]]] = {"up": [], "down": []}

    def reconcile(self, pods: list[Instance], now: float) -> int:
        rule, current = self.rule, len(pods)
        if current > rule.maximum:
            desired = rule.maximum
        elif current < rule.minimum:
            desired = rule.minimum
        else:
            calculated = self.resource_replicas(pods, current, now)
            desired = self.rated(self.stabilised(calculated, current, now), current, now)
        if desired != current:
            self.events["up" if desired > current else "down"].append((now, abs(desired - current)))
        return desired

    def group_pods(self, pods: list[Instance], now: float) -> tuple[dict[int, float], set[int], set[int]]:
        metrics, unready, missing = {}, set(), set()
        for number, pod in enumerate(pods):
            if pod.utilisation is None and not pod.ready and pod.changed_s <= pod.started_s:  # PodPending
                unready.add(number)
            elif pod.utilisation is None:
                missing.add(number)
            elif self.sets_aside(pod, now):
                unready.add(number)
            else:
                metrics[number] = pod.utilisation
        return metrics, unready, missing

    def sets_aside(self, pod: Instance, now: float) -> bool:
        if pod.started_s + self.rule.cpu_initialisation_s > now:
            return not pod.ready or now < pod.changed_s + self.rule.metric_window_s
        return not pod.ready and pod.started_s + self.rule.initial_readiness_s > pod.changed_s

    def resource_replicas(self, pods: list[Instance], current: int, now: float) -> int:
        metrics, unready, missing = self.group_pods(pods, now)
        if not metrics:
            return current
        ratio = self.usage_ratio(metrics)
        scale_up_with_unready = bool(unready) and ratio > 1.0
        if not scale_up_with_unready and not missing:
            return current if self.tolerated(ratio) else whole(ratio * len(metrics))
        if ratio < 1.0:
            metrics |= dict.fromkeys(missing, max(1.0, self.rule.target))
        elif ratio > 1.0:
            metrics |= dict.fromkeys(missing, 0.0)
        if scale_up_with_unready:
            metrics |= dict.fromkeys(unready, 0.0)
        again = self.usage_ratio(metrics)
        if self.tolerated(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
            return current
        wanted = whole(again * len(metrics))
        wrong_way = (again < 1.0 and wanted > current) or (again > 1.0 and wanted < current)
        return current if wrong_way else wanted

    def usage_ratio(self, metrics: dict[int, float]) -> float:
        return sum(metrics.values()) / len(metrics) / self.rule.target

    def tolerated(self, ratio: float) -> bool:
        return abs(1.0 - ratio) <= self.rule.tolerance + 1e-9

    def stabilised(self, calculated: int, current: int, now: float) -> int:
        up = down = calculated
        for at, count in self.recommendations:
            up = min(count, up) if at > now - self.rule.up.window_s else up
            down = max(count, down) if at > now - self.rule.down.window_s else down
        self.recommendations.append((now, calculated))
        return min(max(current, up), down)

    def rated(self, desired: int, current: int, now: float) -> int:
        if desired > current:
            return min(desired, self.rule.maximum, max(current, self.scale_limit(self.rule.up, current, now, up=True)))
        if desired < current:
            return max(
                desired, self.rule.minimum, min(current, self.scale_limit(self.rule.down, current, now, up=False))
            )
        return desired

    def scale_limit(self, behaviour: Behaviour, current: int, now: float, *, up: bool) -> int:
        if behaviour.select == "Disabled":
            return current
        proposed = []
        for limit in behaviour.limits:
            changed = {
                name: sum(n for at, n in rows if at > now - limit.period_s) for name, rows in self.events.items()
            }
            start = current - changed["up"] + changed["down"]
            if limit.pods is not None:
                proposed.append(start + limit.pods if up else start - limit.pods)
            elif limit.percent is not None:
                share = limit.percent / 100
                proposed.append(whole(start * (1 + share)) if up else int(start * (1 - share) + 1e-9))
        return max(proposed) if up == (behaviour.select == "Max") else min(proposed)


def behaviour(rng: random.Random) -> Behaviour:
    limits = []
    for _ in range(rng.randint(1, 3)):
        size = (
            {"percent": rng.choice([10, 50, 100, 300])} if rng.random() < 0.5 else {"pods": rng.choice([1, 2, 4, 20])}
        )
        limits.append(Limit(**size, period_s=rng.choice([15.0, 60.0, 180.0])))  # type: ignore[arg-type]
    return Behaviour(rng.choice([0.0, 30.0, 300.0]), limits, rng.choice(["Max", "Max", "Min", "Disabled"]))


def pod(rng: random.Random, mean: float, now: float) -> Instance:
    started_s = now - rng.choice([0, 10, 40, 100, 400, 5000])
    changed_s = min(now, started_s + rng.choice([0, 5, 20, 60]))
    silent, ready = rng.random() < 0.2, rng.random() < 0.85
    load = min(1.0, max(0.0, rng.gauss(mean, 0.2)))
    return Instance(None if silent else round(load, 2), started_s, ready, changed_s)


@pytest.mark.parametrize("seed", range(4))
def test_it_decides_as_the_controller_does(seed: int) -> None:
    for part in range(40):
        rng, now = random.Random(f"{seed} {part}"), 0.0
        minimum = rng.randint(1, 4)
        ours = HorizontalPodAutoscaler(
            rng.choice([0.3, 0.5, 0.6, 0.8, 1.0]), minimum=minimum, maximum=minimum + rng.randint(0, 40),
            up=behaviour(rng), down=behaviour(rng), cpu_initialisation_s=rng.choice([0.0, 60.0, 300.0]),
        )  # fmt: skip
        theirs, current = Controller(ours), rng.randint(1, 20)
        for _ in range(30):
            pods = [pod(rng, part / 40, now) for _ in range(current)]
            wanted = ours.desired(Seen(pods), now)
            assert wanted == theirs.reconcile(pods, now), (seed, part, now)
            current, now = wanted if rng.random() < 0.9 else rng.randint(1, 50), now + 15.0
