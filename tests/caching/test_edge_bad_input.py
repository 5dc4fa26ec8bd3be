"""What the edge does with bad input: users, operators and origins who do not keep to the rules."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web

from minisys.caching.edge_store import VARIANTS, Store, Stored
from minisys.caching.edge_upstream import Limits
from tests.caching.edge_stage import Scripted, Stage, play

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"


def says(*pieces: bytes, then_hang: bool = False) -> Any:
    """An origin that speaks exactly these bytes to each request."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
        if then_hang:
            await reader.read()  # until the edge hangs up
        writer.close()

    return speak


@pytest.mark.parametrize(
    "origin, status, told",
    [
        (says(b"hello\r\n\r\n"), 502, "did not speak HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), 502, "did not speak HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nBad header\r\n\r\n"), 502, "did not speak HTTP"),
        (says(HEAD + b"Content-Length: 100\r\n\r\nhalf"), 502, "before the whole answer"),
        (says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), 502, "before the whole answer"),
        (says(), 502, "closed the connection"),
        (says(then_hang=True), 504, "did not answer within 30 s"),
        (says(HEAD + b"Content-Length: 100\r\n\r\nhalf", then_hang=True), 504, "did not answer within 30 s"),
    ],
)
def test_a_broken_origin_is_a_clear_error_and_leaves_no_copy(origin, status, told):
    async def scene(stage: Stage) -> Any:
        found = await asyncio.gather(stage.get(), stage.get())
        return found, len(stage.edge.store)

    found, copies = play(scene, origin, raw=True)
    assert [row[0] for row in found] == [status] * 2 and copies == 0
    assert all(told in row[1] and row[1].startswith(f"{status} from edge edge: ") for row in found)


def test_half_of_a_large_answer_looks_like_half_an_answer():
    origin = says(HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)

    async def scene(stage: Stage) -> bytes:
        return await stage.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    said = play(scene, origin, raw=True, limits=Limits(object_bytes=100_000))
    assert b"Content-Length: 1000000" in said and len(said.partition(b"\r\n\r\n")[2]) < 1_000_000


def test_an_origin_that_is_not_there_is_502_and_a_malformed_user_400():
    async def scene(stage: Stage) -> Any:
        stage.front.abort()
        stage.front.sockets.close()
        gone = await stage.get()
        return gone, await stage.raw(b"GET / HTTP/1.1\r\nHost x\r\n\r\n"), await stage.raw(b"\x00\x01\x02\r\n\r\n")

    gone, malformed, nonsense = play(scene, Scripted())
    assert gone[0] == 502 and "is the origin's process running?" in gone[1]
    assert malformed.startswith(b"HTTP/1.0 400") or malformed.startswith(b"HTTP/1.1 400")
    assert b" 400 " in nonsense[:20]


def test_errors_are_not_kept_and_the_origin_is_asked_again():
    origin = Scripted(status=500)

    async def scene(stage: Stage) -> Any:
        return [await stage.get() for _ in range(3)]

    assert [row[0] for row in play(scene, origin)] == [500] * 3 and origin.made == 3


@pytest.mark.parametrize(
    "method, path, status, told",
    [
        ("POST", "/purge", 400, "say one of"),
        ("POST", "/purge?url=x", 400, "say one of"),
        ("POST", "/purge?url=/x&tag=y", 400, "say one of"),
        ("GET", "/purge?all=1", 404, "there is no GET /purge"),
        ("GET", "/nonsense", 404, "there is no GET"),
    ],
)
def test_a_bad_word_to_the_admin_port_changes_nothing(method, path, status, told):
    async def scene(stage: Stage) -> Any:
        await stage.get()
        return await stage.ask(method, path), (await stage.get())[2]["X-Cache"]

    (code, answer), after = play(scene, Scripted({"Cache-Control": "max-age=60"}))
    assert code == status and told in answer["error"] and after == "HIT"


def test_a_body_that_is_too_large_is_413_and_bodies_pass_unchanged():
    async def origin(request: web.BaseRequest) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async def scene(stage: Stage) -> Any:
        found = []
        for size in (0, 10, 90_000, 200_000):
            async with stage.session.post(stage.url, data=b"x" * size) as answer:
                found.append((answer.status, (await answer.text())[:40]))
        return found

    found = play(scene, origin, limits=Limits(body_bytes=100_000))
    assert found[:3] == [(200, "0"), (200, "10"), (200, "90000")] and found[3][0] == 413


def test_a_vary_that_never_repeats_does_not_push_everything_else_out():
    origin = Scripted({"Cache-Control": "max-age=600", "Vary": "X-Number"})

    async def scene(stage: Stage) -> Any:
        for number in range(VARIANTS + 20):
            await stage.get(X_Number=str(number))
        return len(stage.edge.store)

    assert play(scene, origin) == VARIANTS


def test_the_store_says_no_to_what_can_never_fit():
    store = Store(1000)
    from multidict import CIMultiDict

    assert not store.put("a", Stored(200, "OK", CIMultiDict(), b"x" * 1000, 0.0, 0.0))
    assert store.put("b", Stored(200, "OK", CIMultiDict(), b"x" * 100, 0.0, 0.0)) and store.used < 1000
    with pytest.raises(ValueError, match="at least 1 byte"):
        Store(0)


@pytest.mark.parametrize(
    "words, told",
    [
        ([], "--origin"),
        (["--origin", "ftp://x"], "http://host:port"),
        (["--origin", "http://x", "--name", "ü"], "name starts with a letter"),
        (["--origin", "http://x", "--distance", "-1"], "round trip"),
        (["--origin", "http://x", "--to-origin", "61"], "round trip"),
        (["--origin", "http://x", "--store-bytes", "0"], "store_bytes must be above 0"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_line(words, told):
    run = subprocess.run(
        [sys.executable, "-m", "minisys.caching.edge", *words], capture_output=True, text=True, timeout=20
    )
    assert run.returncode == 2 and told in run.stderr and "Traceback" not in run.stderr
