"""What a capacity costs an hour, as one big machine or as many small ones, and what the failures add.

Two offers are on the table: one machine with 64 cores, or sixteen with four. The small ones look cheaper and need a
balancer. Then somebody asks what an hour without a shop costs, and the order may turn round.

Promised: arithmetic with the numbers you give, in one currency an hour. Not given here: prices (look them up), the work
of running sixteen machines, and the time that a balancer takes to notice a failure (chapter 03).
"""

from __future__ import annotations

import math

from minisys.scaling.theory import machines


def price_up(k: float, price: float = 1.0, premium: float = 0.0) -> float:
    """One machine *k* times as big as one that costs *price* an hour; each doubling costs *premium* more than double.

    Premium 0 is a price in proportion to size; 0.1 makes a machine eight times as big cost 8 x 1.1^3 = 10.6 times as
    much. Raises ValueError unless k >= 1, price > 0 and premium >= 0.
    """
    if not (k >= 1 and price > 0 and premium >= 0):
        raise ValueError(f"need k >= 1, price > 0 and premium >= 0, got {k}, {price} and {premium}")
    return price * k * (1 + premium) ** math.log2(k)


def price_out(k: int, price: float = 1.0, balancer: float = 0.0) -> float:
    """*k* machines at *price* an hour each, and a *balancer* in front if there is more than one."""
    return price_up(1, price) * machines(k) + (balancer if k > 1 else 0.0)


def lost_up(availability: float) -> float:
    """The share of the requests lost with one machine that is up a share *availability* of the time."""
    return lost_out(1, availability, 1.0)


def lost_out(k: int, availability: float, load: float) -> float:
    """The share of the requests lost with *k* machines that fail independently, at a *load* of 0 to 1 of all of them.

    With j machines up, min(1, j / (k load)) of the requests are served; j is binomial. Raises ValueError for an
    availability outside 0 to 1 or a load that is not above 0 and at most 1.
    """
    if not (0 <= availability <= 1 and 0 < load <= 1):
        raise ValueError(f"need a share 0 <= availability <= 1 and 0 < load <= 1, got {availability} and {load}")
    k = machines(k)
    chances = (math.comb(k, up) * availability**up * (1 - availability) ** (k - up) for up in range(k + 1))
    return math.fsum(chance * (1 - min(1.0, up / (k * load))) for up, chance in enumerate(chances))


def cost(price: float, lost: float, revenue: float) -> float:
    """What an hour costs: the machines' *price*, and a share *lost* of the *revenue* that an hour brings."""
    return price + lost * revenue
