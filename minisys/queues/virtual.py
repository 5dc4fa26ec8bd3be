"""The live broker on the virtual clock: its own protocol handler and store, with the model's consumers before it.

Does the model tell the truth about the broker? Both can play the same orders, with the same crashes, and then every
message must be done at the same moment in both. If one is not, one of them is wrong.

Promised: the service, its rules and its SQLite store are those that run live, without sockets and fsync; plan and
result are the model's. Not here: limits of the queue's length and patience, which SQS does not have.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

from minisys.queues import policies
from minisys.queues.attributes import ARN
from minisys.queues.broker import Broker
from minisys.queues.delivered import COLUMNS, DEAD, DONE, LOST, WAITING, Delivered
from minisys.queues.errors import SqsError
from minisys.queues.model import Plan
from minisys.queues.sqs import Service
from minisys.queues.store import Store
from minisys.testbed.clock import run_virtual
from minisys.testbed.workload import Workload


@dataclass
class Fate:
    """What became of one message so far."""

    sent_s: float
    work_s: float
    key: int
    luck: float
    started_s: float = math.nan
    done_s: float = math.nan
    effects: int = 0
    receives: int = 0


def play(offered: Workload, plan: Plan, *, until_s: float) -> Delivered:
    """What becomes of *offered* in the broker by *until_s*; see model.through_queue.

    Raises ValueError for a plan with a limit or patience.
    """
    if plan.limit is not None or plan.patience_s < math.inf:
        raise ValueError(f"SQS has no limit of length and no patience, got {plan}")
    with tempfile.TemporaryDirectory(prefix="minisys-queue-") as folder:
        store = Store(folder, durable=False)
        try:
            return run_virtual(_Stage(store, offered, plan).run(until_s))
        finally:
            store.close()


class _Stage:
    """A broker, one producer, the plan's consumers."""

    def __init__(self, store: Store, offered: Workload, plan: Plan) -> None:
        self.store, self.plan = store, plan
        rows = (getattr(offered, name).tolist() for name in ("arrival_s", "work_s", "key", "luck"))
        self.fates = [Fate(*row) for row in zip(*rows, strict=True)]
        self.name = "q.fifo" if plan.ordered else "q"

    async def run(self, until_s: float) -> Delivered:
        self.loop = asyncio.get_running_loop()
        self.service = Service(Broker(self.store), clock=self.loop.time, threaded=False)
        fifo = {"FifoQueue": "true"} if self.plan.ordered else {}
        attributes = fifo | {"VisibilityTimeout": str(int(self.plan.visibility_s))}
        if self.plan.max_receives is not None:
            await self.ask("CreateQueue", QueueName="dead" + self.name, Attributes=fifo)
            target = {"deadLetterTargetArn": f"{ARN}dead{self.name}", "maxReceiveCount": self.plan.max_receives}
            attributes["RedrivePolicy"] = json.dumps(target)
        await self.ask("CreateQueue", QueueName=self.name, Attributes=attributes)
        tasks = [asyncio.create_task(self.consume()) for _ in range(self.plan.consumers)]
        tasks.append(asyncio.create_task(self.produce()))
        await asyncio.sleep(until_s)
        for task in tasks:
            task.cancel()
        left = dict(self.store.db.execute("SELECT body, source IS NOT NULL FROM message").fetchall())
        await self.service.close()
        rows = [
            (*head, _state(each, left.get(str(number))), each.key)
            for number, each in enumerate(self.fates)
            if (head := (each.sent_s, each.started_s, each.done_s, each.effects, each.receives))[0] < until_s
        ]
        return Delivered(pd.DataFrame(rows, columns=COLUMNS)).check()

    async def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.service.answer(action, {"QueueUrl": self.name, **parameters})
        return answer

    async def produce(self) -> None:
        for number, fate in enumerate(self.fates):
            await asyncio.sleep(fate.sent_s - self.loop.time())
            ids = {"MessageGroupId": str(fate.key), "MessageDeduplicationId": str(number)} if self.plan.ordered else {}
            await self.ask("SendMessage", MessageBody=str(number), **ids)

    async def consume(self) -> None:
        """As model.consumer, with the broker's answers for the model's events."""
        while True:
            got = (await self.ask("ReceiveMessage", WaitTimeSeconds=20)).get("Messages", [])
            if got:
                await self.work(self.fates[int(got[0]["Body"])], got[0]["ReceiptHandle"])

    async def work(self, fate: Fate, receipt: str) -> None:
        plan = self.plan
        fate.receives += 1
        fate.started_s = self.loop.time() if math.isnan(fate.started_s) else fate.started_s
        poison = fate.luck < plan.poison_share
        dies = not poison and fate.luck < plan.poison_share + plan.crash_share and fate.receives == 1
        for step in policies.DELIVERIES[plan.delivery]:
            if step == policies.ACKNOWLEDGE:
                with suppress(SqsError):  # a FIFO queue refuses a receipt whose time is over
                    await self.ask("DeleteMessage", ReceiptHandle=receipt)
            elif not (policies.RECORD in step and fate.effects):
                await asyncio.sleep(fate.work_s)
                if poison:
                    await asyncio.sleep(plan.restart_s if plan.poison_kills else 0.0)
                    return
                if not (policies.RECORD in step and fate.effects):  # one transaction: who comes second changes nothing
                    fate.effects += 1
                    fate.done_s = self.loop.time() if fate.effects == 1 else fate.done_s
            if dies:
                await asyncio.sleep(plan.restart_s)
                return


def _state(fate: Fate, left: int | None) -> str:
    """left: None if the broker has it no more, 1 if as a dead letter, 0 if it waits."""
    if left is None:
        return DONE if fate.effects else LOST
    return DEAD if left else WAITING
