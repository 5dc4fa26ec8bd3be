"""Each fault of a link, measured: it does what it says, in the direction it names, and every byte is accounted for."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from minisys.testbed.clock import run_virtual
from minisys.testbed.fault_pipe import SEGMENT_BYTES, Count
from minisys.testbed.fault_proxy import FaultProxy, Faults, Link
from tests.testbed.echoed import echo, through

OTHER = {"forward": "backward", "backward": "forward"}


def now() -> float:
    return asyncio.get_running_loop().time()


async def trips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int, said: bytes = b"x") -> list:
    """How long each of *count* questions took to come back, in seconds."""
    took = []
    for _ in range(count):
        began = now()
        writer.write(said)
        await reader.readexactly(len(said))
        took.append(now() - began)
    return took


@pytest.mark.parametrize("way", ["forward", "backward"])
@pytest.mark.parametrize("seed", [1, 2])
def test_jitter_is_uniform_on_top_of_the_delay(way: str, seed: int) -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set(way, Faults(delay_s=0.1, jitter_s=0.2))
        took = await trips(reader, writer, 400)
        assert 0.1 <= min(took) <= max(took) <= 0.3
        assert statistics.mean(took) == pytest.approx(0.2, abs=4 * 0.2 / (12 * 400) ** 0.5)

    through(talk, seed)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_lost_packet_is_a_stall_and_holds_back_what_follows(way: str) -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set(way, Faults(loss=0.1, stall_s=0.2))
        took = await trips(reader, writer, 1000)
        stalls = sum(one == pytest.approx(0.2) for one in took)
        assert stalls == link.counts[way].stalled
        assert sum(one == pytest.approx(0.0) for one in took) == 1000 - stalls
        assert stalls == pytest.approx(100, abs=4 * (1000 * 0.1 * 0.9) ** 0.5)
        assert link.counts[OTHER[way]].stalled == 0
        link.set(way, Faults(loss=1.0, stall_s=3.0))
        writer.write(b"1")
        await asyncio.sleep(0.1)
        link.set(way, Faults())
        writer.write(b"2")  # sent on a good link, but a stream keeps its order
        began = now()
        assert await reader.readexactly(2) == b"12"
        assert now() - began == pytest.approx(2.9)

    through(talk)


def test_of_a_piece_of_many_packets_one_is_likelier_lost() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set("forward", Faults(loss=0.1))
        took = await trips(reader, writer, 300, bytes(10 * SEGMENT_BYTES))
        expected = 300 * (1 - 0.9**10)
        assert sum(one > 0.1 for one in took) == pytest.approx(expected, abs=5 * (300 * 0.65 * 0.35) ** 0.5)

    through(talk)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_what_is_dropped_is_lost_and_the_connection_breaks_when_it_heals(way: str) -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await trips(reader, writer, 1)
        link.set(way, Faults(drop=True))
        writer.write(b"12345")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 60)
        assert (link.counts[way].lost, link.counts[OTHER[way]].lost) == (5, 0)
        late_reader, late_writer = await asyncio.open_connection("127.0.0.1", link.port)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late_reader.read(1), 5)
        link.set("both", Faults())
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert len(await trips(late_reader, late_writer, 3)) == 3  # it had said nothing, and so lost nothing
        late_writer.close()

    through(talk)


def test_a_connection_that_lost_nothing_outlives_a_drop() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await trips(reader, writer, 1)
        link.set("both", Faults(drop=True))
        await asyncio.sleep(5)
        link.set("both", Faults())
        await trips(reader, writer, 3)

    through(talk)


def test_half_open_the_near_end_hears_nothing_and_is_reset_when_it_heals() -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await trips(reader, writer, 1)
        link.half_open()
        writer.write(b"123")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 60)
        assert len(link.ends) == 1  # the target's side is gone
        new_reader, new_writer = await asyncio.open_connection("127.0.0.1", link.port)
        await trips(new_reader, new_writer, 3)  # who comes now finds the target well
        link.set("both", Faults())
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert link.counts["forward"].lost == 3
        await trips(new_reader, new_writer, 3)
        new_writer.close()

    through(talk)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_corruption_changes_one_byte_of_so_many_pieces_and_no_length(way: str) -> None:
    async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.set(way, Faults(corrupt=0.25))
        said, changed = bytes(100), 0
        for _ in range(600):
            writer.write(said)
            heard = await reader.readexactly(100)
            wrong = sum(byte != 0 for byte in heard)
            assert wrong <= 1
            changed += wrong
        assert changed == link.counts[way].changed == pytest.approx(150, abs=4 * (600 * 0.25 * 0.75) ** 0.5)
        assert link.counts[OTHER[way]] == Count(60_000, 60_000)

    through(talk)


def test_one_seed_gives_one_run() -> None:
    def run(seed: int) -> list[float]:
        took: list[float] = []

        async def talk(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link.set("both", Faults(jitter_s=1, loss=0.5))
            took.extend(await trips(reader, writer, 20))

        through(talk, seed)
        return took

    assert run(1) == run(1) != run(2)


def test_a_thousand_connections_suffer_alike() -> None:
    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000)
        proxy = FaultProxy()
        link = await proxy.add("a-b", server.sockets[0].getsockname()[1])
        ends = [await asyncio.open_connection("127.0.0.1", link.port) for _ in range(1000)]
        for faults, took_s in ((Faults(), 0.0), (Faults(delay_s=0.5), 1.0), (Faults(bytes_per_s=100), 0.0)):
            link.set("both", faults)
            took = [one for done in await asyncio.gather(*(trips(*end, 1) for end in ends)) for one in done]
            assert took == pytest.approx([took_s] * 1000)
        assert len(link.ends) == 2000
        assert link.counts["backward"] == Count(3000, 3000)
        link.set("both", Faults(cut=True))
        waiting = [asyncio.create_task(trips(*end, 1)) for end in ends]
        await asyncio.sleep(60)
        assert not any(one.done() for one in waiting)
        link.set("both", Faults())
        assert len(await asyncio.gather(*waiting)) == 1000
        link.reset()
        heard = await asyncio.gather(*(reader.read(1) for reader, _ in ends), return_exceptions=True)
        assert all(isinstance(one, ConnectionResetError) for one in heard)
        for _, writer in ends:
            writer.close()
        await proxy.close()
        server.close()
        await asyncio.sleep(1)
        assert not link.ends

    run_virtual(main())


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"jitter_s": -1.0}, "jitter_s >= 0"), ({"stall_s": float("inf")}, "stall_s >= 0"),
        ({"loss": 1.5}, "chances from 0 to 1"), ({"corrupt": -0.1}, "chances from 0 to 1"),
    ],
)  # fmt: skip
def test_impossible_faults_are_refused(bad: dict[str, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Faults(**bad)
