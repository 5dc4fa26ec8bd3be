"""A bad network: bytes keep their order, a cut holds them, healing lets them through, a reset loses them."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from minisys.testbed import fault_control, nodes
from minisys.testbed.clock import run_virtual
from minisys.testbed.fault_proxy import HELD_BYTES, FaultProxy, Faults, Link
from tests.testbed.echoed import through


def now() -> float:
    return asyncio.get_running_loop().time()


def test_delay_is_added_per_direction() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for way, took_s in (("forward", 0.2), ("both", 0.4)):
            link.set(way, Faults(delay_s=0.2))
            began = now()
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            assert now() - began == pytest.approx(took_s)

    through(talk)


def test_throttle_passes_so_many_bytes_a_second_in_their_order() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set("backward", Faults(bytes_per_s=10_000))
        said, began = bytes(i % 251 for i in range(50_000)), now()
        writer.write(said)
        assert await reader.readexactly(len(said)) == said
        assert now() - began == pytest.approx(5.0, abs=0.05)

    through(talk)


def test_a_cut_holds_bytes_until_it_is_healed_and_loses_none() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"1")
        await reader.readexactly(1)
        link.set("both", Faults(cut=True))
        writer.write(b"23")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 60)
        asyncio.get_running_loop().call_later(30, link.set, "both", Faults())
        assert await reader.readexactly(2) == b"23"
        assert now() == pytest.approx(90.0)

    through(talk)


def test_a_one_way_cut_lets_the_other_way_through() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set("forward", Faults(delay_s=1))
        writer.write(b"question")
        await asyncio.sleep(0.5)
        link.set("backward", Faults(cut=True))
        await asyncio.sleep(1)  # the question arrives; its answer does not
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 10)
        link.set("backward", Faults())
        assert await reader.readexactly(8) == b"question"

    through(talk)


def test_connections_and_goodbyes_wait_for_the_end_of_a_cut_too() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set("forward", Faults(cut=True))
        late_reader, late_writer = await asyncio.open_connection("127.0.0.1", link.port)
        late_writer.write(b"late")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late_reader.read(1), 5)
        link.set("both", Faults())
        assert await late_reader.readexactly(4) == b"late"
        link.set("both", Faults(cut=True))
        late_writer.close()
        await asyncio.sleep(1)
        assert len(link.ends) == 3  # the far end of the closed connection has not heard
        link.set("both", Faults())
        await asyncio.sleep(0.1)
        assert len(link.ends) == 2

    through(talk)


def test_reset_breaks_every_connection() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"1")
        await reader.readexactly(1)
        link.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await asyncio.sleep(0.01)
        assert not link.ends

    through(talk)


def test_a_sender_is_held_back_when_much_waits() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"1")
        await reader.readexactly(1)
        link.set("forward", Faults(cut=True))
        writer.write(bytes(64 * HELD_BYTES))
        await asyncio.sleep(1)
        (near,) = [end for end in link.ends if end.outgoing.direction == "forward"]
        assert HELD_BYTES < near.outgoing.held < 3 * HELD_BYTES
        link.set("forward", Faults())
        assert await reader.readexactly(64 * HELD_BYTES) == bytes(64 * HELD_BYTES)

    through(talk)


def test_nobody_behind_the_link_breaks_the_connection() -> None:
    async def main() -> None:
        proxy = FaultProxy()
        link = await proxy.add("a-b", nodes.free_port())
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
        with pytest.raises(ValueError, match="a link 'a-b' already"):
            await proxy.add("a-b", 1)
        with pytest.raises(ValueError, match="one of forward, backward, both, got 'sideways'"):
            link.set("sideways", Faults())
        await proxy.close()

    run_virtual(main())


@pytest.mark.parametrize("bad", [{"delay_s": -1.0}, {"delay_s": float("nan")}, {"bytes_per_s": 0.0}])
def test_impossible_faults_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="delay_s >= 0 and bytes_per_s > 0"):
        Faults(**bad)


@pytest.mark.live
def test_the_control_port_cuts_heals_and_points_elsewhere() -> None:
    with fault_control.network() as network, nodes.start("minisys.testbed.backend", name="b") as b:
        port = network.link("a-b", nodes.free_port())
        assert network.link("a-b", b.port) == port
        assert "bytes received" in nodes.ask("GET", f"http://127.0.0.1:{port}/x")
        network.cut("a-b", "backward")
        with socket.create_connection(("127.0.0.1", port), timeout=0.3) as client:
            client.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            with pytest.raises(TimeoutError):
                client.recv(1)
            network.heal("a-b")
            client.settimeout(5)
            assert client.recv(9) == b"HTTP/1.0 "
        told = network.links()["a-b"]
        assert (told["forward"]["delay_s"], told["forward"]["bytes_per_s"], told["forward"]["cut"]) == (0, None, False)
        assert told["counts"]["backward"]["read"] == told["counts"]["backward"]["passed"] > 0


@pytest.mark.live
def test_the_control_port_says_what_is_wrong() -> None:
    with fault_control.network() as network:
        for method, path, body, problem in (
            ("PUT", "links/a", b'{"target": "x"}', "400.*must be a port, got 'x'"),
            ("PUT", "links/a/both", b"{}", "404.*no link 'a'; there are none"),
            ("POST", "links", b"[]", "400.*expected a JSON object"),
            ("GET", "nothing", b"", "404.*there is no GET /nothing"),
        ):
            with pytest.raises(nodes.NodeFailed, match=f"(?s){problem}"):
                nodes.ask(method, f"{network.node.url}/{path}", body)
        network.link("a", 1)
        with pytest.raises(nodes.NodeFailed, match="(?s)400.*delay_s >= 0"):
            network.set("a", delay_s=-1)
        with pytest.raises(nodes.NodeFailed, match="(?s)400.*colour"):
            network.set("a", colour=1)
        began = time.monotonic()
        network.reset("a")
        assert time.monotonic() - began < 5
