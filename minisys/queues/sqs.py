"""Amazon SQS's JSON protocol over HTTP: what boto3 says, and what it wants to hear.

Your code calls `boto3.client("sqs", endpoint_url=…)` and does not know that no cloud is there. That is the test: the
client is Amazon's, unchanged, with its parameters, its error classes and its retries.

Promised: AWS JSON 1.0 with query-compatible errors, long polling, answers after the disk has them. Any credentials will
do. Not spoken: the older query protocol (boto3 before 1.28, 2023); it is told so.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from minisys.queues.broker import Broker
from minisys.queues.commit import GroupCommit
from minisys.queues.errors import Parameters, SqsError, number

PREFIX, CONTENT_TYPE = "AmazonSQS.", "application/x-amz-json-1.0"
MAX_BODY_BYTES = 8 * 1_048_576  # a megabyte of text, each character escaped
MOVE_EVERY_S = 0.1


class Service:
    """The broker as an HTTP handler.

    clock: seconds since 1970. threaded: see GroupCommit; False on the virtual clock.
    """

    def __init__(self, broker: Broker, *, clock: Callable[[], float] = time.time, threaded: bool = True) -> None:
        self.broker, self.clock, self.closing = broker, clock, False
        self.commit = GroupCommit(broker.store, threaded=threaded, after=self._wake, failed=broker.known.clear)
        self._waiting: dict[str, dict[asyncio.Event, None]] = {}  # in order of coming, so that runs repeat
        self._mover: asyncio.Task[None] | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            action = _action(request)
            answer = await self.answer(action, _parsed(await _body(request)), lambda: _gone(request))
            return _response(answer, 200)
        except SqsError as problem:
            return _refusal(problem)
        except UnicodeEncodeError:  # half of a surrogate pair
            return _refusal(SqsError("InvalidParameterValue", "The request contains characters that are not Unicode."))
        except Exception:  # a bug of ours must not look like the client's
            traceback.print_exc()
            return _refusal(SqsError("InternalFailure", "The broker failed; its log says how.", 500))

    async def answer(self, action: str, parameters: Parameters, gone: Callable[[], bool] = lambda: False) -> Any:
        """What *action* answers, when it is durable; a receive waits, unless the client is *gone*."""
        if action == "ReceiveMessage":
            return await self._receive(parameters, gone)
        answer = await self.commit.do(lambda: self.broker.apply(action, parameters, self.clock()))
        if action == "StartMessageMoveTask":
            self.move()
        return answer

    def move(self) -> None:
        """Go on with the move tasks that are running; call it after a start."""
        if self._mover is None:
            self._mover = asyncio.create_task(self._move())

    async def close(self) -> None:
        """Send those who wait home, and finish what is in hand."""
        self.closing = True
        for events in self._waiting.values():
            for event in events:
                event.set()
        if self._mover is not None:
            self._mover.cancel()
        await self.commit.close()

    async def _receive(self, parameters: Parameters, gone: Callable[[], bool]) -> Any:
        """Long polling: try; if there is nothing, wait until something happens in the queue, and try again."""
        news = asyncio.Event()
        name = str(parameters.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]
        self._waiting.setdefault(name, {})[news] = None
        try:
            until_s: float | None = None
            while not (self.closing or gone()):  # nobody would hear the answer
                news.clear()
                answer, wait_s, next_s = await self.commit.do(lambda: self._try(parameters))
                now = self.clock()
                until_s = now + wait_s if until_s is None else until_s
                if answer or now >= until_s:
                    return answer
                await _until(news, min(until_s, next_s) - now)
            return {}
        finally:
            del self._waiting[name][news]
            if not self._waiting[name]:
                del self._waiting[name]

    def _try(self, parameters: Parameters) -> tuple[Any, float, float]:
        """What a receive gets now, how long it may wait, and when the next hidden message will be visible."""
        now = self.clock()
        answer = self.broker.apply("ReceiveMessage", parameters, now)
        if answer:
            return answer, 0.0, now
        queue = self.broker.queue(parameters)
        wait_s = number(parameters, "WaitTimeSeconds", 0, 20, queue.number("ReceiveMessageWaitTimeSeconds"))
        next_s = self.broker.delivery.next_visible_s(queue, now)
        return answer, wait_s, now + wait_s if next_s is None else next_s

    def _wake(self) -> None:
        touched, self.broker.touched = self.broker.touched, set()
        for name in sorted(touched):
            for event in self._waiting.get(name, ()):
                event.set()

    async def _move(self) -> None:
        try:
            while await self.commit.do(self._tick):
                await asyncio.sleep(MOVE_EVERY_S)
        finally:
            self._mover = None

    def _tick(self) -> bool:
        self.broker.moves.tick(self.clock())
        return self.broker.moves.running()


async def _until(news: asyncio.Event, seconds: float) -> None:
    """Wait for *news*, at most so many seconds."""
    try:
        await asyncio.wait_for(news.wait(), max(0.0, seconds))
    except TimeoutError:
        pass


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _action(request: web.BaseRequest) -> str:
    target = request.headers.get("X-Amz-Target", "")
    if request.method != "POST" or not target.startswith(PREFIX):
        raise SqsError(
            "InvalidAction", "Send POST with X-Amz-Target: AmazonSQS.<action> and a JSON body (AWS JSON 1.0)."
        )
    return target.removeprefix(PREFIX)


async def _body(request: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise SqsError("RequestEntityTooLarge", f"A request has at most {MAX_BODY_BYTES} bytes.", 413)
    return bytes(body)


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise SqsError("SerializationException", "The body is not JSON.") from None
    if not isinstance(parsed, dict):
        raise SqsError("SerializationException", "The body is not a JSON object.")
    return parsed


def _response(answer: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    given = {"x-amzn-RequestId": str(uuid.uuid4()), **(headers or {})}
    return web.Response(body=json.dumps(answer).encode(), status=status, content_type=CONTENT_TYPE, headers=given)


def _refusal(problem: SqsError) -> web.Response:
    return _response(problem.body(), problem.status, {"x-amzn-query-error": f"{problem.code};{problem.fault}"})
