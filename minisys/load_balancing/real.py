"""NGINX and HAProxy behind the very same call as our own proxy: same backends, same users, same plan, same trace.

"Would a real one have done better?" is answered by asking it. The backends are our work servers, the users are
Locust's, and only the process in the middle is another one.

    run("nginx", workload, policy="least connections", plan=[Step(2.0, "kill", "b")])
    with cluster("haproxy") as shop: shop.drain("a")

Promised: the product's own configuration, shown by config(); changes by its own means (NGINX: new file and reload;
HAProxy: its socket); a missing product is one clear line, and importing this module never fails. Not promised: that a
product does what our proxy does; products.py says where they differ. Loopback only; works as root and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from minisys.load_balancing import policies, products
from minisys.load_balancing.plan import HealthCheck, Step, all_names, backend_names, check_plan, speeds
from minisys.load_balancing.policies import Policy, new_pool
from minisys.load_balancing.products import Member, ProductMissing, Settings
from minisys.load_balancing.running import KINDS, RealCluster
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

__all__ = ["ProductMissing", "RealCluster", "available", "cluster", "config", "run"]


def available() -> dict[str, str]:
    """Each product with its version and place, or with the one line that says why it is not there."""
    told = {}
    for name in products.PRODUCTS:
        try:
            told[name] = products.version(name)
        except ProductMissing as problem:
            told[name] = str(problem)
    return told


def config(
    product: str,
    policy: str | Policy = "least connections",
    backends: int | Sequence[str] = 3,
    *,
    weights: Sequence[float] | None = None,
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
) -> str:
    """The configuration that run() and cluster() would give to *product*, with made-up ports and folder.

    Raises ValueError for an unknown product, or a policy or weights that it cannot do.
    """
    settings = _settings(policy, backends, weights, health, retries, timeout_s)
    for port, member in enumerate(settings.members, 8001):
        member.port = port
    return products.product(product).config(settings, 8080, Path("/run/minisys"))


def run(
    product: str,
    workload: Workload,
    *,
    policy: str | Policy = "least connections",
    plan: Sequence[Step] = (),
    method: str = "GET",
    users: int | None = None,
    progress: bool = False,
    **shape: Any,
) -> Trace:
    """The trace of *workload* through *product* ("nginx" or "haproxy"), while *plan* is carried out.

    shape: backends, workers, queue, weights, speed, health, retries and timeout_s as in live.run. method, users and
    progress as in load(). Raises ProductMissing in one line if it is not installed, ValueError for a bad argument.
    """
    names = backend_names(shape.get("backends", 3))
    steps, done = check_plan(plan, names), list[Future]()
    with cluster(product, policy, **shape) as shop, ThreadPoolExecutor(4) as hands:

        def begin(step: Step) -> None:
            done.append(hands.submit(shop.do, step))

        at = [(step.at_s, partial(begin, step)) for step in steps]
        timeout_s = shape.get("timeout_s") or 10.0
        trace = load(shop.url, workload, users=users, method=method, timeout_s=timeout_s, at=at, progress=progress)
        for future in done:
            future.result()  # a step that failed fails the run
    return Trace(trace.frame.assign(server=trace.frame["server"].cat.set_categories(list(all_names(steps, names)))))


def cluster(
    product: str,
    policy: str | Policy = "least connections",
    *,
    backends: int | Sequence[str] = 3,
    workers: int = 1,
    queue: int | None = None,
    weights: Sequence[float] | None = None,
    speed: Sequence[float] | None = None,
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
) -> RealCluster:
    """Backends behind *product*, running: ``with cluster("nginx") as shop: …``. Keywords and verbs as in live.cluster.

    Raises ProductMissing or ValueError before anything starts.
    """
    binary = products.binary(product)
    settings = _settings(policy, backends, weights, health, retries, timeout_s)
    config(product, policy, backends, weights=weights, health=health)  # an impossible policy complains here
    names = [member.name for member in settings.members]
    shop = KINDS[product](binary, settings, workers, queue)
    try:
        with ThreadPoolExecutor(4) as starters:
            list(starters.map(shop.start_backend, names, speeds(speed, names)))
        shop.start_product()
    except BaseException:
        shop.close()
        raise
    return shop


def _settings(
    policy: str | Policy, backends: int | Sequence[str], weights: Sequence[float] | None, health: HealthCheck | None,
    retries: int, timeout_s: float | None,
) -> Settings:  # fmt: skip
    """The arguments, checked."""
    chosen, names = policies.policy(policy), backend_names(backends)
    new_pool(names, weights, chosen)
    if retries < 0 or (timeout_s is not None and not timeout_s > 0):
        raise ValueError(f"need retries >= 0 and timeout_s > 0 or None, got retries={retries}, timeout_s={timeout_s}")
    weighed = zip(names, weights or [1.0] * len(names), strict=True)
    return Settings([Member(name, 0, weight) for name, weight in weighed], chosen, health, retries, timeout_s or 30.0)
