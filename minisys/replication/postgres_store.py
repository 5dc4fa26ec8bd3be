"""One client of PostgreSQL that tells a certain no from nobody knows.

COMMIT was sent, the connection broke: is the order in or not? An ERROR from PostgreSQL means that nothing happened. A
FATAL, a broken connection or a time-out means nothing either way, for the commit may already be on disk. And a WARNING
that the wait for the standby was cancelled comes *with* success: written here, perhaps not there. Many drivers drop it.

Promised: the three are told apart, and a primary that is paused costs PATIENCE_S seconds, not for ever (libpq itself
has no such limit, hence the calls below psycopg's cursor). Not here: transactions of several statements.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from minisys.replication.clients import Refused

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

PATIENCE_S = 1.0
WRITE = "insert into kv values ($1, $2) on conflict (key) do update set value = excluded.value"
READ = "select value from kv where key = $1"


class PostgresStore:
    """A Store (clients.py) in table kv of the server on port *where()*, asked anew at each connection."""

    def __init__(self, where: Callable[[], int]) -> None:
        self._where = where
        self._connection: PGconn | None = None
        self._warnings: list[str] = []

    def connect(self) -> None:
        """Connect to whoever is the primary now."""
        self.close()
        self._connection = _connected(self._where())
        self._connection.notice_handler = lambda notice: self._warnings.append(_said(notice))

    def write(self, key: str, value: str) -> None:
        """One INSERT … ON CONFLICT, committed; how far is up to synchronous_commit."""
        self._ask(WRITE, key, value)

    def read(self, key: str) -> str | None:
        """The committed value on the primary."""
        return self._ask(READ, key)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.finish()
            self._connection = None

    def _ask(self, sql: str, *values: str) -> str | None:
        if self._connection is None:
            raise ConnectionError("not connected")
        self._warnings.clear()
        found = _ask(self._connection, sql, *values)
        if self._warnings:
            raise ConnectionError(f"done, but: {self._warnings[-1]}")
        return found


def query(port: int, sql: str) -> str | None:
    """The first field of the first row of *sql*, as text, from the server on *port*; it waits for no standby.

    Raises OSError, Refused.
    """
    connection = _connected(port, "options='-c synchronous_commit=local'")
    try:
        return _ask(connection, sql, patience_s=15.0)
    finally:
        connection.finish()


def _connected(port: int, more: str = "") -> PGconn:
    """A connection, made step by step: the one call that does it all would hold up every other thread meanwhile."""
    from psycopg import pq
    from psycopg.pq import PollingStatus

    connection = pq.PGconn.connect_start(f"host=127.0.0.1 port={port} user=postgres {more}".encode())
    deadline, step = time.monotonic() + PATIENCE_S, int(PollingStatus.WRITING)
    while step in (PollingStatus.READING, PollingStatus.WRITING):
        reads = [connection.socket] if step == PollingStatus.READING else []
        writes = [connection.socket] if step == PollingStatus.WRITING else []
        if not any(select.select(reads, writes, [], max(0.0, deadline - time.monotonic()))):
            break
        step = connection.connect_poll()
    if step != PollingStatus.OK:
        connection.finish()
        raise ConnectionError(f"no PostgreSQL answers on port {port}")
    return connection


def _ask(connection: PGconn, sql: str, *values: str, patience_s: float = PATIENCE_S) -> str | None:
    """Send one statement and wait for its end. Raises Refused for an ERROR, OSError for all else that goes wrong."""
    from psycopg import Error

    result: PGresult | None = None
    try:
        connection.send_query_params(sql.encode(), [value.encode() for value in values])
        while True:
            while connection.is_busy():
                if not select.select([connection.socket], [], [], patience_s)[0]:
                    raise TimeoutError(f"no answer within {patience_s:g} s")
                connection.consume_input()
            if (part := connection.get_result()) is None:
                break
            result = part
    except Error as problem:
        raise ConnectionError(str(problem)) from None
    if result is None:
        raise ConnectionError("the connection broke before the answer")
    return _value(result)


def _value(result: PGresult) -> str | None:
    from psycopg.pq import DiagnosticField, ExecStatus

    if result.status == ExecStatus.COMMAND_OK:
        return None
    if result.status == ExecStatus.TUPLES_OK:
        value = result.get_value(0, 0) if result.ntuples else None
        return None if value is None else bytes(value).decode()
    if result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) == b"ERROR":
        raise Refused(_said(result))
    raise ConnectionError(_said(result))


def _said(result: PGresult) -> str:
    return (result.error_message or b"").decode(errors="replace").strip()
