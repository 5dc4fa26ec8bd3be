"""The log over HTTP, as JSON: topics, records, groups.

    PUT  /topics/orders                        {"partitions": 3, "retention_s": 3600}
    GET  /topics/orders
    POST /topics/orders/records                {"records": [{"key": "cart-7", "body": "paid"}]}
    GET  /topics/orders/0/records?offset=17&limit=100&wait_s=5
    POST /groups/billing/join                  {"member": "a", "topics": ["orders"], "assignment": "sticky"}
    POST /groups/billing/heartbeat             {"member": "a"}
    POST /groups/billing/commit                {"member": "a", "generation": 3, "offsets": {"orders/0": 18}}
    POST /groups/billing/leave                 {"member": "a"}
    POST /groups/billing/seek                  {"topic": "orders", "to": "earliest"}
    GET  /groups/billing/lag?topic=orders

Promised: an append or a commit is answered when it is on the disk; a read waits up to wait_s for the first record.
Refused requests get 400, 404, 409 or 416 and {"error": …}. Not there: permissions, compression, transactions.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from minisys.queues.commit import GroupCommit
from minisys.queues.errors import SqsError
from minisys.queues.log import Log, LogRefused
from minisys.queues.readers import Readers

MAX_BODY_BYTES, MAX_RECORDS, EXPIRE_EVERY_S = 8 * 1_048_576, 1_000, 1.0
Answer = Mapping[str, Any]


class LogService:
    """*log* as an HTTP handler. clock, threaded: as in sqs.Service."""

    def __init__(self, log: Log, *, clock: Callable[[], float] = time.time, threaded: bool = True) -> None:
        self.log, self.readers, self.clock = log, Readers(log), clock
        self.commit = GroupCommit(log.store, threaded=threaded, failed=self.readers.groups.clear)
        self._news, self._closing, self._expired_s = asyncio.Event(), False, -math.inf

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            return _response(await self._answer(request), 200)
        except LogRefused as problem:
            return _response({"error": str(problem)}, problem.status)
        except SqsError as problem:  # the disk's
            return _response({"error": problem.message}, problem.status)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            return _response({"error": f"bad request: {problem!r}"}, 400)
        except Exception:
            traceback.print_exc()
            return _response({"error": "the broker failed; its log says how"}, 500)

    async def close(self) -> None:
        """Send those who wait home, and finish what is in hand."""
        self._closing = True
        self._news.set()
        await self.commit.close()

    async def _answer(self, request: web.BaseRequest) -> Answer:
        body = await _body(request)
        asked: list[str] = [request.method, *request.path.strip("/").split("/")]
        match asked:
            case ["PUT", "topics", topic]:
                return await self._do(
                    lambda: self.log.create(topic, body.get("partitions", 1), body.get("retention_s"))
                )
            case ["GET", "topics", topic]:
                return await self._do(lambda: {"partitions": self.log.partitions(topic)})
            case ["POST", "topics", topic, "records"]:
                return await self._append(topic, body)
            case ["GET", "topics", topic, number, "records"]:
                return await self._read(topic, int(number), request.query)
            case ["POST", "groups", group, what]:
                return await self._do(lambda: self._group(group, what, body))
            case ["GET", "groups", group, "lag"]:
                return await self._do(lambda: {"lag": self.readers.lag(group, request.query["topic"])})
        raise LogRefused(f"there is no {request.method} {request.path}", 404)

    async def _do(self, work: Callable[[], Any]) -> Answer:
        def expiring() -> Any:
            now = self.clock()
            if now >= self._expired_s + EXPIRE_EVERY_S:
                self._expired_s = now
                self.log.expire(now)
            return work()

        return await self.commit.do(expiring) or {}

    async def _append(self, topic: str, body: Answer) -> Answer:
        records = [(record.get("key"), record["body"]) for record in body["records"]]
        good = all(isinstance(text, str) and isinstance(key, str | None) for key, text in records)
        if not good or not 1 <= len(records) <= MAX_RECORDS:
            raise LogRefused(f"an append has 1 to {MAX_RECORDS} records, each with a text as body and perhaps as key")
        done = await self._do(lambda: {"places": self.log.append(topic, records, self.clock())})
        self._news.set()  # wakes everybody who waits; the next to wait gets a new one
        self._news = asyncio.Event()
        return {"records": [{"partition": number, "offset": offset} for number, offset in done["places"]]}

    async def _read(self, topic: str, number: int, query: Mapping[str, str]) -> Answer:
        offset, limit = int(query.get("offset", 0)), max(1, min(MAX_RECORDS, int(query.get("limit", 100))))
        until_s = self.clock() + min(20.0, float(query.get("wait_s", 0)))
        while True:
            news = self._news
            found = await self._do(lambda: {"records": self.log.read(topic, number, offset, limit)})
            now = self.clock()
            if found["records"] or now >= until_s or self._closing:
                return found
            try:
                await asyncio.wait_for(news.wait(), until_s - now)
            except TimeoutError:
                pass

    def _group(self, group: str, what: str, body: Answer) -> Any:
        now, readers = self.clock(), self.readers
        if what == "seek":
            return readers.seek(group, body["topic"], body["to"], now)
        member = body["member"]
        if what == "join":
            more = {"kind": body.get("assignment", "sticky"), "session_s": float(body.get("session_s", 10.0))}
            return readers.join(group, member, body["topics"], now, **more)
        if what == "heartbeat":
            return readers.heartbeat(group, member, now)
        if what == "leave":
            return readers.leave(group, member)
        if what == "commit":
            offsets = {_partition(name): int(offset) for name, offset in body["offsets"].items()}
            return readers.commit(group, member, int(body["generation"]), offsets, now)
        raise LogRefused(f"a group can join, heartbeat, commit, leave and seek, not {what!r}", 404)


def _partition(name: str) -> tuple[str, int]:
    topic, _, number = name.rpartition("/")
    return topic, int(number)


async def _body(request: web.BaseRequest) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise LogRefused(f"a request has at most {MAX_BODY_BYTES} bytes", 413)
    parsed = json.loads(bytes(body) or b"{}")
    if not isinstance(parsed, dict):
        raise LogRefused("the body must be a JSON object")
    return parsed


def _response(answer: Answer, status: int) -> web.Response:
    return web.Response(body=json.dumps(answer).encode(), status=status, content_type="application/json")
