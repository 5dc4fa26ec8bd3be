"""Bad input: a clear error to whoever sent it, and nobody else notices."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import aiohttp
import pytest

from minisys.load_balancing.balancer import Backend, Balancer, parse_backend
from minisys.load_balancing.proxy import Limits
from tests.load_balancing.stage import Stage, named, play

BOTH = {"a": named("a"), "b": named("b")}


def says(answer: bytes) -> Any:
    """A backend that answers every request with these bytes and hangs up."""

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return backend


def others_are_fine(scene: Any) -> Any:
    """*scene*, with another user before and after it who must notice nothing."""

    async def both(stage: Stage) -> Any:
        assert (await stage.get())[0] == 200
        result = await scene(stage)
        assert [(await stage.get())[0] for _ in range(3)] == [200] * 3
        return result

    return both


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--policy", "last connections", "--backend", "a=127.0.0.1:1"], "did you mean 'least connections'"),
        ([], "at least one backend"),
        (["--backend", "a=127.0.0.1:1*-1"], "weights must be"),
        (["--backend", "a=127.0.0.1:1", "--backend", "a=127.0.0.1:2"], "'a' twice"),
        (["--backend", "a=nowhere"], "like a=127.0.0.1:8001"),
        (["--backend", "a=127.0.0.1:99999"], "between 1 and 65535"),
        (["--backend", "a=127.0.0.1:1", "--option", "d=x"], "an option is name=number"),
        (["--backend", "a=127.0.0.1:1", "--policy", "power of d", "--option", "d=9"], "d must be"),
        (["--backend", "a=127.0.0.1:1", "--retries", "-1"], "retries must be 0 or more"),
        (["--backend", "a=127.0.0.1:1", "--check-every", "-1"], "interval_s"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_line(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minisys.load_balancing", *arguments], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2 and complaint in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "complaint"),
    [
        ("POST", "/backends", b"{", 400, "must be JSON"),
        ("POST", "/backends", b"[1]", 400, "JSON object with name, address"),
        ("POST", "/backends", b'{"name": "a", "address": "127.0.0.1:1"}', 400, "'a' already"),
        ("POST", "/backends", b'{"name": "x y", "address": "127.0.0.1:1"}', 400, "name=host:port"),
        ("POST", "/backends", b'{"name": "c", "address": "127.0.0.1:1", "weight": -1}', 400, "must be 0 or more"),
        ("PUT", "/backends/a/weight", b'{"weight": -2}', 400, "weight must be 0 or more"),
        ("PUT", "/backends/a/weight", b'{"weight": "heavy"}', 400, "heavy"),
        ("POST", "/backends/z/drain", b"", 404, "there are a, b"),
        ("DELETE", "/backends/z", b"", 404, "no backend 'z'"),
        ("PUT", "/policy", b'{"name": "best"}', 400, "unknown policy 'best'"),
        ("PUT", "/policy", b'{"name": "ring", "options": {"bound": 0.5}}', 400, "bound must be above 1"),
        ("GET", "/nothing", b"", 404, "there is no GET /nothing"),
    ],
)
def test_a_bad_admin_request_changes_nothing(method: str, path: str, body: bytes, status: int, complaint: str) -> None:
    async def scene(stage: Stage) -> Any:
        before = await stage.ask("GET", stage.admin + "/backends")
        said = await stage.ask(method, stage.admin + path, data=body)
        after = await stage.ask("GET", stage.admin + "/backends")
        return said, before[1] == after[1]

    (code, text, _), unchanged = play(others_are_fine(scene), dict(BOTH))
    assert code == status and complaint in text


def test_the_last_backend_cannot_be_removed() -> None:
    async def scene(stage: Stage) -> Any:
        return await stage.ask("DELETE", stage.admin + "/backends/a")

    status, text, _ = play(scene, {"a": named("a")})
    assert status == 400 and "last backend" in text


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",  # smuggling
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    ],
)
def test_malformed_http_gets_a_400_and_the_proxy_stays_up(request_bytes: bytes) -> None:
    async def scene(stage: Stage) -> bytes:
        return await stage.raw(request_bytes)

    assert play(others_are_fine(scene), dict(BOTH)).startswith(b"HTTP/1.1 400") or b" 400 " in play(
        others_are_fine(scene), dict(BOTH)
    )


def test_an_oversized_header_is_refused() -> None:
    async def scene(stage: Stage) -> bytes:
        return await stage.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"y" * 100_000 + b"\r\n\r\n")

    assert play(others_are_fine(scene), dict(BOTH))[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 431")


def test_a_body_larger_than_the_limit_is_a_413() -> None:
    async def scene(stage: Stage) -> Any:
        return await stage.ask("POST", stage.url, data=b"x" * 2_000)

    status, text, _ = play(scene, dict(BOTH), limits=Limits(body_bytes=1_000))
    assert status == 413 and "2000 bytes" in text


def test_a_slowloris_client_is_cut_off_and_costs_nobody_else_anything() -> None:
    async def scene(stage: Stage) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.service.port)
        answer = asyncio.ensure_future(reader.read(-1))
        for letter in b"GET / HTTP/1.1\r\nX-Slow: ":
            if not answer.done():
                writer.write(bytes([letter]))
                await asyncio.wait({answer}, timeout=0.5)
        said = await answer
        writer.close()
        return said, asyncio.get_running_loop().time()

    said, took = play(others_are_fine(scene), dict(BOTH), header_timeout_s=3.0)
    assert said.startswith(b"HTTP/1.1 408") and took < 5


def test_a_hundred_slowloris_clients_do_not_keep_others_waiting() -> None:
    async def scene(stage: Stage) -> float:
        connections = [await asyncio.open_connection("127.0.0.1", stage.service.port) for _ in range(100)]
        begin = asyncio.get_running_loop().time()
        await stage.get()
        took = asyncio.get_running_loop().time() - begin
        await asyncio.sleep(10)
        for reader, writer in connections:
            assert (await reader.read(-1)).startswith(b"HTTP/1.1 408")
            writer.close()
        return took

    assert play(others_are_fine(scene), dict(BOTH), header_timeout_s=3.0) < 0.001


@pytest.mark.parametrize("garbage", [b"I am not HTTP\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b""])
def test_a_backend_that_answers_garbage_is_skipped_for_a_get_and_named_for_a_post(garbage: bytes) -> None:
    async def scene(stage: Stage) -> Any:
        return await stage.get(), [await stage.ask("POST", stage.url, data=b"1") for _ in range(2)]

    got, posted = play(scene, {"a": says(garbage), "b": named("b")}, raw=("a",))
    assert got[0] == 200 and got[1].startswith("b")
    assert sorted(row[0] for row in posted) == [200, 502]
    assert all("backend a" in text for status, text, _ in posted if status == 502)


def test_a_small_answer_cut_off_half_way_is_fetched_from_another_backend() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"

    async def scene(stage: Stage) -> Any:
        return await stage.get()

    status, text, _ = play(scene, {"a": says(half), "b": named("b")}, raw=("a",))
    assert status == 200 and text.startswith("b")


@pytest.mark.parametrize("head", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
def test_a_large_answer_cut_off_half_way_is_cut_off_for_the_user_too(head: bytes) -> None:
    chunk = b"ffff\r\n" + b"x" * 65_535 + b"\r\n" if b"chunked" in head else b"x" * 65_535

    async def scene(stage: Stage) -> None:
        with pytest.raises(aiohttp.ClientPayloadError):
            await stage.get()
        assert (await stage.get())[0] == 200

    play(scene, {"a": says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + chunk), "b": named("b")}, raw=("a",))


@pytest.mark.parametrize("text", ["", "a", "a=b", "=1.2.3.4:5", "a=1.2.3.4:0", "a=1.2.3.4:5*x", "a b=1.2.3.4:5"])
def test_a_backend_that_cannot_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="backend|port|weight"):
        parse_backend(text)


def test_a_balancer_without_backends_or_with_a_bad_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one backend"):
        Balancer("random", [])
    with pytest.raises(ValueError, match="unknown policy"):
        Balancer("rundom", [Backend("a", "127.0.0.1", 1)])
