"""The bank of the live shop: somebody else's service, which writes down every charge that it is asked for.

    python -m minisys.design.shop_bank --file bank.db
    POST /charges {"order": "k1/4", "cents": 1234}      with Idempotency-Key: the same key is charged once

It believes whoever asks: without a key, or with another one, the same order is charged again. That is how card
processors work (Stripe, "Idempotent requests"), and why the shop has to know what it sends. GET /charges: all of them,
for the audit, which trusts the bank's book and not the shop's.

Promised: a charge is in an SQLite file before it is confirmed, so it outlives SIGKILL. Not done: money.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import uuid

from aiohttp import web

from minisys.testbed import backend


class Bank(backend.Backend):
    """The bank with its book in *file*."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options.name, options.workers, options.queue, options.speed)
        self.file = sqlite3.connect(options.file, isolation_level=None)
        self.file.execute("PRAGMA journal_mode=WAL")
        self.file.execute("PRAGMA synchronous=NORMAL")
        self.file.execute(
            "CREATE TABLE IF NOT EXISTS charges (number INTEGER PRIMARY KEY, key TEXT UNIQUE, name TEXT, cents INTEGER)"
        )

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """Charge, or show the book."""
        if request.method == "GET" and request.path == "/charges":
            rows = self.file.execute("SELECT number, name, cents FROM charges ORDER BY number").fetchall()
            return web.json_response([{"number": number, "order": name, "cents": c} for number, name, c in rows])
        if request.method != "POST" or request.path != "/charges":
            return self.say(404, "known: GET and POST /charges\n")
        try:
            given = json.loads(await request.content.read(1_000))
            name, cents = str(given["order"]), int(given["cents"])
        except (ValueError, KeyError, TypeError) as problem:
            return self.say(400, f"need an order and cents: {problem}\n")
        key = request.headers.get("Idempotency-Key") or uuid.uuid4().hex
        self.file.execute("INSERT OR IGNORE INTO charges (key, name, cents) VALUES (?, ?, ?)", (key, name, cents))
        number = self.file.execute("SELECT number FROM charges WHERE key = ?", (key,)).fetchone()[0]
        return web.json_response({"number": number, "order": name, "cents": cents}, status=201)

    async def close(self) -> None:
        """Let go of the book."""
        self.file.close()


if __name__ == "__main__":
    made = backend.parser("minisys.design.shop_bank", __doc__)
    made.set_defaults(workers=64, name="bank")
    made.add_argument("--file", default=":memory:", help="where the book is (default: in memory)")
    backend.main(made, Bank)
