"""The seeded network: what travels, what is lost, who hears what after a pause, a death, a cut."""

import pytest

from minisys.replication.network import Link, Loop, Network
from minisys.testbed.laws import Deterministic, Exponential


class Ear:
    """Writes down what it hears, and when."""

    def __init__(self, loop):
        self.loop, self.heard = loop, []

    def receive(self, sender, message):
        self.heard.append((round(self.loop.now, 6), sender, message))


def three(seed=0, link=None):
    loop = Loop()
    network = Network(loop, seed=seed, link=link or Link(Deterministic(0.1)))
    ears = {name: Ear(loop) for name in "abc"}
    for name, ear in ears.items():
        network.join(name, ear)
    return loop, network, ears


def test_calls_come_in_the_order_of_their_times_and_ties_in_the_order_of_asking():
    loop, said = Loop(), []
    for when, word in ((2.0, "late"), (1.0, "first"), (1.0, "second")):
        loop.at(when, said.append, word)
    loop.run(1.5)
    assert (said, loop.now) == (["first", "second"], 1.5)
    loop.run(9.0)
    assert said == ["first", "second", "late"]
    with pytest.raises(ValueError, match="before now"):
        loop.at(8.0, print)


def test_a_cut_has_a_direction_and_heals():
    loop, network, ears = three()
    network.cut("a", "b")
    network.send("a", "b", 1)
    network.send("b", "a", 2)
    loop.run(1.0)
    assert not ears["b"].heard and ears["a"].heard == [(0.1, "b", 2)]
    network.heal()
    network.send("a", "b", 3)
    loop.run(2.0)
    assert ears["b"].heard == [(1.1, "a", 3)]
    network.check(0)


def test_a_partition_cuts_between_groups_only():
    loop, network, ears = three()
    network.partition("a", "bc")
    for sender, to in ("ab", "ba", "ac", "ca", "bc", "cb"):
        network.send(sender, to, sender + to)
    loop.run(1.0)
    assert sorted(word for ear in ears.values() for _, _, word in ear.heard) == ["bc", "cb"]
    assert network.counts["cut"] == 4


def test_a_paused_node_finds_messages_and_timers_later_in_their_order():
    loop, network, ears = three()
    network.timer("a", 0.05, ears["a"].receive, "timer", "tick")
    network.send("b", "a", "hello")
    network.pause("a")
    assert not network.up("a")
    loop.at(5.0, network.resume, "a")
    loop.run(4.0)
    assert ears["a"].heard == []
    loop.run(6.0)
    assert ears["a"].heard == [(5.0, "timer", "tick"), (5.0, "b", "hello")]
    network.check(0)


@pytest.mark.parametrize("paused", [False, True])
def test_a_dead_node_hears_nothing_and_its_next_life_nothing_of_the_former(paused):
    loop, network, ears = three()
    network.send("b", "a", "arrives when it is dead")
    network.timer("a", 1.0, ears["a"].receive, "timer", "of the former life")
    if paused:
        network.pause("a")
        loop.run(0.5)
    network.crash("a")
    loop.run(0.5)
    network.join("a", ears["a"])
    network.send("b", "a", "hello again")
    loop.run(3.0)
    assert ears["a"].heard == [(0.6, "b", "hello again")]
    assert network.counts["dead"] == 1
    network.check(0)


def test_a_clock_that_runs_fast_rings_early():
    loop, network, ears = three()
    network.skew("a", offset_s=100.0, rate=2.0)
    network.timer("a", 1.0, ears["a"].receive, "timer", "tick")
    loop.run(3.0)
    assert ears["a"].heard == [(0.5, "timer", "tick")]
    assert network.clock("a") == 106.0


def test_losses_and_copies_come_as_often_as_asked_and_independent_delays_reorder():
    loop, network, ears = three(link=Link(Exponential(0.01), loss=0.2, duplicate=0.1))
    n = 20_000
    for number in range(n):
        network.send("a", "b", number)
    loop.run(10.0)
    network.check(0)
    of = network.counts
    assert abs(of["copied"] / n - 0.1) < 5 * (0.1 * 0.9 / n) ** 0.5  # five standard errors
    assert abs(of["lost"] / (n + of["copied"]) - 0.2) < 5 * (0.2 * 0.8 / n) ** 0.5
    order = [number for _, _, number in ears["b"].heard]
    assert order != sorted(order)


def test_one_seed_one_run():
    def run(seed):
        loop, network, ears = three(seed, Link(Exponential(0.01), loss=0.3, duplicate=0.3))
        for number in range(100):
            network.send("a", "b", number)
        loop.run(1.0)
        return ears["b"].heard

    assert run(1) == run(1) != run(2)


@pytest.mark.parametrize(
    "wrong", [lambda: Link(loss=1.0), lambda: Link(duplicate=-0.1), lambda: three()[1].skew("a", rate=0.0)]
)
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        wrong()


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="'d'.*a, b, c"):
        three()[1].send("a", "d", 1)
