"""The shop's words to its broker, in Amazon SQS's JSON protocol: send, receive, delete; and what it does when it dies.

Between the broker's death and its return lie some hundred milliseconds in which orders come in. An app that gives up
at once turns them into errors; one that waits for ever fills up. So a send is tried for a second and a half. A message
that was sent twice does no harm: who handles it has seen the order's name before.

Promised: True only when the broker has said that it has the message on its disk. Not done: signatures, batches.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import aiohttp

from minisys.resilience.retries import Backoff

SEND_S, TRY_S = 1.5, 0.7
BACKOFF = Backoff(0.02, 0.3)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class Broker:
    """The broker on 127.0.0.1:*port*."""

    def __init__(self, port: int) -> None:
        self.url, self.rng = f"http://127.0.0.1:{port}", random.Random(port)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, action: str, timeout_s: float = TRY_S, **parameters: Any) -> dict[str, Any]:
        """The answer to *action*. Raises one of BROKEN if there is none, or it is a no."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        head = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
        async with (
            asyncio.timeout(timeout_s),
            self._session.post(self.url, data=json.dumps(parameters), headers=head) as answer,
        ):
            told: dict[str, Any] = json.loads(await answer.read())
        if answer.status != 200:
            raise ConnectionError(f"the broker says {told.get('message', answer.status)}")
        return told

    async def send(self, queue: str, body: str) -> bool:
        """Whether the broker has confirmed *body* in *queue*, within SEND_S seconds."""
        loop, attempt = asyncio.get_running_loop(), 0
        until_s = loop.time() + SEND_S
        while (left_s := until_s - loop.time()) > 0:
            try:
                await self.ask("SendMessage", min(TRY_S, left_s), QueueUrl=f"{self.url}/{queue}", MessageBody=body)
                return True
            except BROKEN:
                await asyncio.sleep(BACKOFF.wait_s(attempt, 0.0, self.rng))
                attempt += 1
        return False

    async def receive(self, queue: str, most: int = 10, wait_s: int = 1) -> list[dict[str, Any]]:
        """Up to *most* messages, after at most *wait_s* seconds. Raises one of BROKEN."""
        where: dict[str, Any] = {"QueueUrl": f"{self.url}/{queue}", "MaxNumberOfMessages": most}
        told = await self.ask("ReceiveMessage", wait_s + TRY_S, WaitTimeSeconds=wait_s, **where)
        return list(told.get("Messages", ()))

    async def delete(self, queue: str, message: dict[str, Any]) -> None:
        """This one is done. Raises one of BROKEN."""
        receipt = message["ReceiptHandle"]
        await self.ask("DeleteMessage", QueueUrl=f"{self.url}/{queue}", ReceiptHandle=receipt)

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
