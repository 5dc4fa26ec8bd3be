"""What Locust runs against the live shop: users who look at things and buy some, and who ask again when nobody answers.

Somebody clicked "buy" and the page hung. Was it bought? A good client does not guess: it asks again with the same
idempotency key, at the next address if there are several, and gets the same order. So no user is ever told "try later"
who has not tried for PATIENCE_S seconds.

Started by live_load.py in a process of its own (Locust rewrites the standard library). Promised: one row a user in
rows.csv, and Locust's own statistics see every attempt. Users come by themselves (Poisson), however slow the shop is.
"""

from __future__ import annotations

import csv
import http.client
import json
import random
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Group
from locust import User, constant, events, task

PATIENCE_S, ANSWER_S, LONGEST_PAUSE_S = 20.0, 5.0, 1.0
ANSWERS = (200, 201, 409)  # "sold out" is an answer
BROKEN = (OSError, http.client.HTTPException, ValueError)


class Shop:
    """The shop as users see it, the job in *folder*, and the rows that are written."""

    def __init__(self, folder: Path, environment: Any) -> None:
        self.job = json.loads((folder / "job.json").read_text())
        self.folder, self.environment = folder, environment
        self.rng = random.Random(f"shoppers {self.job['seed']}")
        self.rows = open(folder / "rows.csv", "w", newline="")  # noqa: SIM115 (closed in finish)
        self.writer = csv.writer(self.rows)
        self.start = time.monotonic()

    def come(self) -> None:
        """Users come until the time is over, then all finish. Seconds are counted from now on."""
        self.start = time.monotonic()
        under_way, at_s, number = Group(), 0.0, 0
        while (at_s := at_s + self.rng.expovariate(self.job["per_s"])) < self.job["for_s"]:
            item, buys = self.rng.randrange(self.job["items"]), self.rng.random() < self.job["buys"]
            gevent.sleep(max(0.0, self.start + at_s - time.monotonic()))
            under_way.start(gevent.Greenlet(self.user, number, item, buys, self.rng.random()))
            number += 1
        under_way.join()
        self.rows.close()
        (self.folder / "done").write_text(str(number))

    def user(self, number: int, item: int, buys: bool, luck: float) -> None:
        """One user: asks until there is an answer, or patience is at an end."""
        began_s, rng, attempts, status = time.monotonic(), random.Random(luck), 0, 0
        told: dict[str, Any] = {}
        key = f"u{self.job['run']}-{number}"
        while status not in ANSWERS and time.monotonic() - began_s < PATIENCE_S:
            if attempts:
                gevent.sleep(rng.uniform(0.05, min(LONGEST_PAUSE_S, 0.1 * 2**attempts)))
            url = self.job["urls"][(number + attempts) % len(self.job["urls"])]
            status, told = self.attempt(url, key if buys else "", item)
            attempts += 1
        seconds = (began_s - self.start, time.monotonic() - self.start)
        bought = (told["order"], told["item"], told["unit"]) if status == 201 else ("", "", "")
        self.writer.writerow((number, int(buys), *(f"{s:.4f}" for s in seconds), attempts, status, *bought))
        self.rows.flush()

    def attempt(self, url: str, key: str, item: int) -> tuple[int, dict[str, Any]]:
        """One request: the status and what was said; 0 if nobody answered."""
        began_s, status, said = time.monotonic(), 0, b""
        told: dict[str, Any] = {}
        error: Exception | None = None
        name = "POST /orders" if key else "GET /item/[n]"
        try:
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=ANSWER_S)
            try:
                if key:
                    head = {"Idempotency-Key": key, "Content-Type": "application/json"}
                    connection.request("POST", "/orders", json.dumps({"item": item}), head)
                else:
                    connection.request("GET", f"/item/{item}")
                answer = connection.getresponse()
                said, status = answer.read(), answer.status
                told = json.loads(said) if status in (200, 201) else {}
            finally:
                connection.close()
        except BROKEN as problem:
            status, told, error = 0, {}, problem
        if error is None and status not in ANSWERS:
            error = RuntimeError(str(status))
        self.environment.events.request.fire(
            request_type=name.split()[0], name=name, response_time=(time.monotonic() - began_s) * 1000,
            response_length=len(said), exception=error, context={},
        )  # fmt: skip
        return status, told


@events.init_command_line_parser.add_listener
def _add_argument(parser: Any) -> None:
    parser.add_argument("--job", help="the folder that live_load.py prepared", default="")


@events.init.add_listener
def _read_job(environment: Any, **_: Any) -> None:
    environment.shop = Shop(Path(environment.parsed_options.job), environment)


class Street(User):
    """Where all users come from."""

    wait_time = constant(0)

    @task
    def open(self) -> None:
        print("READY 0", flush=True)
        self.environment.shop.come()
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)  # until Locust ends this user
