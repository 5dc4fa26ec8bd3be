"""Faults on a link add up, end alone, and a partition cuts what lies between its groups and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from minisys.chaos.inject import play_async
from minisys.chaos.links import Here, Links, total
from minisys.chaos.plan import Fault, FaultPlan
from minisys.testbed.clock import run_virtual
from minisys.testbed.fault_proxy import FaultProxy, Faults


class Recorded:
    """A proxy that only remembers what it was told."""

    def __init__(self, *names: str) -> None:
        self.state: dict[str, Any] = {name: {"forward": {}, "backward": {}} for name in names}
        self.done: list[str] = []

    def set(self, name: str, direction: str = "both", **faults: Any) -> None:
        self.state[name][direction] = faults

    def reset(self, name: str) -> None:
        self.done.append(f"reset {name}")

    def half_open(self, name: str) -> None:
        self.done.append(f"half-open {name}")

    def links(self) -> dict[str, Any]:
        return self.state


def test_faults_add_up_and_end_alone() -> None:
    proxy = Recorded("a-b")
    links = Links(proxy)
    slow = links.begin(Fault("latency", "a-b", delay_s=0.1, direction="forward"))
    cut = links.begin(Fault("partition", "a-b"))
    worse = links.begin(Fault("jitter", "a-b", jitter_s=0.3, delay_s=0.2))
    both = {"cut": True, "jitter_s": 0.3}
    assert proxy.state["a-b"]["forward"] == {"delay_s": pytest.approx(0.3), **both}
    assert proxy.state["a-b"]["backward"] == {"delay_s": 0.2, **both}
    cut()
    slow()
    assert proxy.state["a-b"] == {
        "forward": {"delay_s": 0.2, "jitter_s": 0.3},
        "backward": proxy.state["a-b"]["forward"],
    }
    worse()
    assert proxy.state["a-b"] == {"forward": {}, "backward": {}}


def test_what_several_come_to() -> None:
    told = total([
        Fault("bandwidth", "x", bytes_per_s=100), Fault("bandwidth", "x", bytes_per_s=50),
        Fault("loss", "x", ratio=0.5, stall_s=1), Fault("loss", "x", ratio=0.5), Fault("corrupt", "x", ratio=0.1),
        Fault("blackhole", "x"),
    ])  # fmt: skip
    assert told == {"bytes_per_s": 50, "loss": 0.75, "stall_s": 1, "corrupt": pytest.approx(0.1), "drop": True}
    assert Faults(**told)


def test_a_partition_cuts_between_groups_in_the_direction_it_says() -> None:
    proxy = Recorded("a-b", "a-c", "c-a", "b-c", "c-d", "c-e")
    undo = Links(proxy).begin(Fault("partition", "a b | c d", direction="forward"))
    cut = {name: [way for way, faults in ways.items() if faults] for name, ways in proxy.state.items()}
    assert cut == {"a-b": [], "a-c": ["forward"], "c-a": ["backward"], "b-c": ["forward"], "c-d": [], "c-e": []}
    undo()
    assert not any(faults for ways in proxy.state.values() for faults in ways.values())


def test_a_reset_happens_once_and_half_open_stands_alone() -> None:
    proxy = Recorded("a-b")
    links = Links(proxy)
    links.begin(Fault("reset", "a-b"))()
    undo = links.begin(Fault("half-open", "a-b"))
    assert proxy.done == ["reset a-b", "half-open a-b"]
    with pytest.raises(ValueError, match="link 'a-b' has half-open already; half-open must be its only fault"):
        links.begin(Fault("latency", "a-b", delay_s=1))
    undo()


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault("latency", "x-y", delay_s=1), "there is no link 'x-y'; there are a-b"),
        (Fault("partition", "a | z"), "no link runs between 'a | z'; there are a-b"),
        (Fault("kill", "a-b"), "'kill' is no fault of a network"),
    ],
)
def test_what_is_not_there_is_refused(fault: Fault, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("|", r"\|")):
        Links(Recorded("a-b")).begin(fault)


def on_a_link(plan: FaultPlan, talk: Callable[[Any, Any], Awaitable[None]]) -> None:
    """*talk* over a link to an echo on the virtual clock, while *plan* is played."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    async def main() -> None:
        server, proxy = await asyncio.start_server(echo, "127.0.0.1", 0), FaultProxy()
        link = await proxy.add("a-b", server.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        playing = asyncio.create_task(play_async(plan, Links(Here(proxy))))
        try:
            await talk(reader, writer)
        finally:
            await playing
            writer.close()
            await proxy.close()
            server.close()
            await asyncio.sleep(1)
        assert link.faults == {"forward": Faults(), "backward": Faults()}

    run_virtual(main())


def test_a_plan_on_real_sockets_in_virtual_time() -> None:
    plan = FaultPlan([
        Fault("latency", "a-b", 10, 5, delay_s=0.25), Fault("bandwidth", "a-b", 20, 5, bytes_per_s=100),
        Fault("partition", "a-b", 30, 5, direction="backward"), Fault("blackhole", "a-b", 40, 5),
    ])  # fmt: skip

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, took = asyncio.get_running_loop(), {}
        for at_s in (5, 11, 21, 31):
            await asyncio.sleep(at_s - loop.time())
            writer.write(bytes(50))
            await reader.readexactly(50)
            took[at_s] = loop.time() - at_s
        assert took[5] == pytest.approx(0)
        assert took[11] == pytest.approx(0.5)
        assert took[21] == pytest.approx(0.5, abs=0.05)  # both ways at once: pieces follow one another
        assert took[31] == pytest.approx(4)  # until the cut is over
        await asyncio.sleep(41 - loop.time())
        writer.write(b"lost")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert loop.time() == pytest.approx(45)

    on_a_link(plan, talk)
