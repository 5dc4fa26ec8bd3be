"""RabbitMQ as a queue, where it is installed: the guarantees that ours has, asked of the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from minisys.queues import rabbitmq as module
from minisys.queues.rabbitmq import Orders, ProductMissing, found, rabbitmq


def _missing() -> str:
    try:
        found()
    except ProductMissing as problem:
        return str(problem)
    return ""


needed = pytest.mark.skipif(bool(_missing()), reason=f"no RabbitMQ: {_missing()}")


def texts(orders: Orders, most: int = 100, wait_s: float = 5.0) -> list[tuple[str, bool]]:
    return [(message.text, message.again) for message in orders.receive(most, wait_s)]


@needed
@pytest.mark.live
def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(20)]
    with rabbitmq(folder=tmp_path) as node:
        with Orders(node.port) as shop:
            for number in numbers:
                shop.send(number)
            with pytest.raises(ConnectionError, match="refused"):
                shop._confirmed("SEND", "x", destination="/nowhere/orders")
        with Orders(node.port, most_unacknowledged=4) as first:
            got = first.receive(4, 5.0)
            assert [message.text for message in got] == numbers[:4]
            assert first.receive(4, 0.2) == []  # it has four and gets no more
            first.delete(got[0])
            assert texts(first, 1) == [("4", False)]
        with Orders(node.port, most_unacknowledged=100) as second:
            came = sorted(texts(second, 19), key=lambda pair: int(pair[0]))
            assert came == [(number, number in numbers[1:5]) for number in numbers[1:]]
        node.kill()  # SIGKILL; what it acknowledged is on disk
    with rabbitmq(folder=tmp_path) as node, Orders(node.port, most_unacknowledged=100) as third:
        # The acknowledgement of "0" may still have been in memory: confirmed is not fsynced, and once more is allowed.
        assert {text for text, _ in texts(third, 20, 2.0)} - {"0"} == set(numbers[1:])


def test_one_message_at_a_time_at_least() -> None:
    with pytest.raises(ValueError, match="at least one message at a time, got 0"):
        Orders(1, most_unacknowledged=0)


def test_without_it_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    with pytest.raises(ProductMissing, match="apt install rabbitmq-server"), rabbitmq():
        pass
