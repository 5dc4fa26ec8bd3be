"""An autoscaler through forty minutes of traffic, set well or badly: the autoscaling room's compiled model."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from minisys.autoscaling import fast
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.kubernetes import Behaviour, HorizontalPodAutoscaler, Limit
from minisys.autoscaling.policies import Policy, Seen
from minisys.autoscaling.traffic import flash_sale, requests
from minisys.interview.readings import SCENARIOS, Played
from minisys.testbed.laws import Lognormal

LENGTH_S, STEP_S, SERVICE_S, WORKERS = 2400.0, 120.0, 0.5, 2


@dataclass
class ByArrivals:
    """Counts requests that were let in, and forgets how long they take: a signal that is blind to slower work."""

    per_instance: float

    def desired(self, seen: Seen, now: float) -> int:
        return max(1, round(seen.rate_per_s / self.per_instance))


def play(cause: str, seed: int) -> Played:
    """Two minutes a row: what comes, how many machines serve and are wanted, how busy they are."""
    dice = random.Random(f"{cause}/{seed}")
    base, peak = dice.uniform(5, 7), dice.uniform(16, 20)
    at_s, boot_s = float(dice.randrange(8, 12) * 60), 40.0
    policy: Policy = HorizontalPodAutoscaler(0.6, cpu_initialisation_s=30.0)
    maximum, told, work_s = 40, "", SERVICE_S
    if cause == "flapping":
        quick = Behaviour(0.0, (Limit(percent=100),))
        policy = HorizontalPodAutoscaler(0.6, tolerance=0.0, down=quick, cpu_initialisation_s=0.0)
        boot_s, told = 75.0, "No stabilisation window, no tolerance, and a boot as long as five looks."
    elif cause == "slow boot":
        boot_s = float(dice.choice((420, 480)))
        told = f"A machine needed {boot_s / 60:.0f} minutes to boot."
    elif cause == "at the maximum":
        maximum, peak = dice.choice((4, 5)), peak + 3
        told = f"At most {maximum} machines were allowed."
    elif cause == "wrong signal":
        policy, work_s, peak = ByArrivals(2.2), SERVICE_S, base
        told = "It counted requests; what grew was the work in each."
    offered = requests(flash_sale(base, peak, at_s, 60.0, 900.0), seed, LENGTH_S, work_s)
    if cause == "wrong signal":
        heavier = np.where((offered.arrival_s > at_s) & (offered.arrival_s < at_s + 960), dice.uniform(2.6, 3.2), 1.0)
        offered = type(offered)(offered.arrival_s, offered.work_s * heavier, offered.key, offered.size, offered.luck)
    cloud = Cloud(Lognormal(boot_s, 0.1), WORKERS, 100, first=min(5, maximum), maximum=maximum)
    run = fast.simulate(policy, offered, cloud=cloud, seed=seed)
    caption = f"Machines with {WORKERS} workers; the autoscaler looks every 15 s. A row is {STEP_S / 60:.0f} minutes."
    return Played(caption, SCENARIOS["autoscaler"].columns, _rows(run), told)


def _rows(run) -> tuple[tuple[str | float, ...], ...]:  # type: ignore[no-untyped-def]
    looks, arrivals = run.frame(), run.workload.arrival_s
    refused = arrivals[np.isnan(run.started_s)]
    rows: list[tuple[str | float, ...]] = []
    for i in range(int(LENGTH_S / STEP_S)):
        start, end = i * STEP_S, (i + 1) * STEP_S
        seen = looks[(looks["time_s"] > start) & (looks["time_s"] <= end)]
        if seen.empty:
            continue
        come = ((arrivals >= start) & (arrivals < end)).sum() / STEP_S
        lost = ((refused >= start) & (refused < end)).sum() / STEP_S
        last = seen.iloc[-1]
        busy = 100 * float(seen["utilisation"].mean())
        began = sum(start <= lease.started_s < end for lease in run.leases)
        left = sum(start <= lease.left_s < end for lease in run.leases)
        row = (round(come, 1), int(last["ready"]), int(last["wanted"]), began, left, round(busy), round(lost, 1))
        rows.append((f"{start / 60:.0f}", *row))
    return tuple(rows)
