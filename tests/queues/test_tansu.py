"""A broker with Kafka's protocol: the guarantees that our log has, asked of the product."""

from __future__ import annotations

import time

import pytest

from minisys.queues.tansu import Member, Producer, Record, tansu
from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing

needed = pytest.mark.skipif(bool(wheels.missing("tansu")), reason=f"no tansu: {wheels.missing('tansu')}")
pytestmark = pytest.mark.live
ALL = [0, 1, 2]


def texts(records: list[Record], key: str) -> list[str]:
    return [each.text for each in records if each.key == key]


@needed
def test_one_key_one_order_and_what_is_not_committed_comes_again() -> None:
    pairs = [(f"customer {number % 7}", str(number)) for number in range(35)]
    with tansu() as node, Producer(node.port) as producer:
        sent = producer.send_all(pairs)
        assert len(sent) == 35
        for key in {key for key, _ in pairs}:
            assert len({each.partition for each in sent if each.key == key}) == 1
        with Member(node.port, "billing", ALL) as first:
            seen = first.receive(35, 10.0)  # dies before it commits
        assert sorted(seen) == sorted(sent)
        for key in {key for key, _ in pairs}:
            assert texts(seen, key) == [text for name, text in pairs if name == key]
        with Member(node.port, "billing", ALL) as second:
            assert sorted(second.receive(35, 10.0)) == sorted(sent)
            second.commit()
        late = producer.send("customer 1", "late")
        with Member(node.port, "billing", ALL) as third:
            assert third.receive(1, 10.0) == [late]
        with Member(node.port, "stock", ALL) as other:  # another group reads the same records from the beginning
            assert sorted(other.receive(36, 10.0)) == sorted([*sent, late])


@needed
def test_a_group_shares_the_partitions_out() -> None:
    with tansu() as node, Producer(node.port) as producer, Member(node.port, "g") as one, Member(node.port, "g") as two:
        sent = producer.send_all([(f"customer {number}", str(number)) for number in range(60)])
        seen: list[Record] = []
        deadline = time.monotonic() + 20.0
        while len(seen) < len(sent) and time.monotonic() < deadline:
            seen += one.receive(60, 0.2) + two.receive(60, 0.2)
        assert sorted(seen) == sorted(sent)
        assert sorted(one.partitions + two.partitions) == ALL
        assert one.partitions and two.partitions


def test_no_partition_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one partition, got 0"):
        Producer(1, partitions=0)


def test_without_the_wheel_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_package", lambda name: None)
    monkeypatch.setattr(wheels, "_on_path", lambda *names: [])
    with pytest.raises(ProductMissing, match="make lab installs it"), tansu():
        pass
