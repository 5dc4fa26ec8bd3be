"""Lab 09, task 4: two lines that do not flap, and a gain that does not swing, tried at every load."""

from __future__ import annotations

from collections.abc import Callable

from minisys.autoscaling import theory
from minisys.grading.checks import Check, Wrong

Low = Callable[[float, int], float]
HIGHS, DELAY, LOOKS, SHARE, NEAR = (0.6, 0.7, 0.85), 3, 3_000, 0.7, 0.1


def line(low: Low, high: float, servers: int) -> float:
    """The learner's line. Raises Wrong unless it is a share below *high*."""
    came = low(high, servers)
    if isinstance(came, bool) or not isinstance(came, int | float):
        raise Wrong(repr(came), given=f"low({high:g}, {servers})", expected="a utilisation, such as 0.3")
    if not 0 < came < high:
        look = "between the lines nothing happens: the one to scale in lies below the other"
        raise Wrong(f"{came:g}", given=f"low({high:g}, {servers})", expected=f"above 0, below {high:g}", look=look)
    return float(came)


def calm(low: Low, _: object = None) -> str:
    """At no steady load does a machine go and come back."""
    for high in HIGHS:
        for servers in range(2, 21):
            mark = line(low, high, servers)
            load = mark * servers * 0.999  # just below the line: one may go
            after = load / (servers - 1)
            if after > high:
                came = (
                    f"{servers} machines at {load / servers:.0%}: one goes, the rest are at {after:.0%}, it comes back"
                )
                look = "the same work on one machine less: where are the others then?"
                raise Wrong(came, given=f"scale out above {high:.0%}, in below {mark:.0%}", expected="rest", look=look)
    return "19 sizes, 3 lines: whoever goes is not called back"


def not_too_careful(low: Low, _: object = None) -> str:
    """Machines that could go do go."""
    for high in HIGHS:
        for servers in (2, 5, 10, 20):
            mark, safe = line(low, high, servers), theory.safe_low_line(high, servers)
            if mark < SHARE * safe:
                look = "a line that is right for two machines keeps twenty half empty: it depends on how many there are"
                if abs(line(low, high, 2) - line(low, high, 20)) > 1e-9:
                    look = "it depends on servers, but is lower than needed: when one goes, the rest share its work"
                came = f"{servers} machines stay until they are below {mark:.0%}"
                raise Wrong(came, given=f"scale out above {high:.0%}", expected=f"up to {safe:.0%} is safe", look=look)
    return "small fleets need a wide gap, large ones a narrow one"


def gain(_: Low, strongest: Callable[[], float]) -> str:
    """The largest gain at which the swing dies out, or one within NEAR of it, on either side."""
    came = strongest()
    if isinstance(came, bool) or not isinstance(came, int | float):
        raise Wrong(repr(came), expected="a number, such as 0.2")
    if not 0 < came < 10:
        raise Wrong(f"{came:g}", expected="above 0; 1 goes the whole way at once")
    track, limit = theory.answer(float(came), DELAY, LOOKS), theory.largest_gain(DELAY)
    last = max(abs(1 - value) for value in track[-20:])
    given = f"gain {came:g}, and an order shows {DELAY} looks later"
    if came > (1 + NEAR) * limit:
        look = "each look orders again what is on its way already; pull less, or count it (as Kubernetes does)"
        raise Wrong(
            f"after {LOOKS} looks it is still {min(last, 99):.2f} away", given=given, expected="rest", look=look
        )
    if came < (1 - NEAR) * limit:
        look = f"it rests, but a larger gain does too: try in steps of 0.01, with {LOOKS} looks"
        raise Wrong(f"{came:g}", given=given, expected="within 10 % of the largest that rests", look=look)
    border = f"theory: 2 sin(pi / 14) = {limit:.3f}"
    return f"{came:g}; {border}" + ("" if last <= 0.05 else ", the border itself: only just below it is there rest")


FLAPPING = (
    Check("at no load does a machine go and come back", calm),
    Check("and none stays for nothing", not_too_careful),
    Check("the largest gain that does not swing for ever", gain),
)
