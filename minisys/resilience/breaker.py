"""A circuit breaker: stop calling what does not answer, and look now and then whether it does again.

The payment service hangs. Every order waits ten seconds for it, every thread of the shop waits with them, and now the
whole shop hangs. A fuse would have blown: after a few failures, answer "no" at once, and after a while let one call
through to see.

Promised: closed (calls go through), open (none do), half-open (a few probes do), from results that it is told. A call
that was allowed should be recorded; if a probe never is, others are let through *open_s* later. Not here: what to
answer instead (fallback.py). Not known: which call a result belongs to, so a late one can count as a probe's.
"""

from __future__ import annotations

from typing import Literal

from minisys.resilience.window import Window

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after *failures* failures in a row; *open_s* seconds later lets *probes* calls through.

    If all probes go well it closes, if one fails it opens for another *open_s*. Raises ValueError unless failures and
    probes are at least 1 and open_s > 0. Source: Nygard, "Release It!", 2007.
    """

    def __init__(self, failures: int = 5, open_s: float = 5.0, probes: int = 1) -> None:
        if failures < 1 or probes < 1 or not open_s > 0:
            raise ValueError(f"need failures and probes >= 1 and open_s > 0, got {failures}, {probes}, {open_s}")
        self.failures, self.open_s, self.probes = failures, open_s, probes
        self.state: State = "closed"
        self.until_s = 0.0  # when open: until when; when half-open: until when the probes should have answered
        self.in_a_row = self.sent = self.good = 0

    def allow(self, now_s: float) -> bool:
        """Whether a call may go out at *now_s*. From an open breaker whose time is up, the first ones are probes."""
        if self.state == "closed":
            return True
        if now_s >= self.until_s:
            self.state, self.until_s, self.sent, self.good = "half-open", now_s + self.open_s, 0, 0
        if self.state == "open" or self.sent >= self.probes:
            return False
        self.sent += 1
        return True

    def record(self, ok: bool, now_s: float) -> None:
        """Tell how a call ended. What ends while the breaker is open was sent before, and changes nothing."""
        if self.state == "closed":
            if self._trips(ok, now_s):
                self._open(now_s)
        elif self.state == "half-open":
            self.good += ok
            if not ok:
                self._open(now_s)
            elif self.good >= self.probes:
                self.state = "closed"
                self._forget()

    def _open(self, now_s: float) -> None:
        self.state, self.until_s = "open", now_s + self.open_s

    def _trips(self, ok: bool, now_s: float) -> bool:
        self.in_a_row = 0 if ok else self.in_a_row + 1
        return self.in_a_row >= self.failures

    def _forget(self) -> None:
        self.in_a_row = 0


class RateBreaker(Breaker):
    """Opens when at least the share *rate* of the calls of the last *window_s* seconds failed.

    *at_least*: with fewer results than that it stays closed, as one failure of one call is a rate of 1. The rest as
    Breaker. Raises ValueError also unless 0 < rate <= 1 and at_least >= 1. Source: Hystrix (20 calls, 50 %, 10 s, open
    for 5 s); Resilience4j.
    """

    def __init__(
        self, rate: float = 0.5, at_least: int = 20, window_s: float = 10.0, open_s: float = 5.0, probes: int = 1
    ) -> None:
        if not 0 < rate <= 1 or at_least < 1:
            raise ValueError(f"need 0 < rate <= 1 and at_least >= 1, got {rate} and {at_least}")
        super().__init__(failures=at_least, open_s=open_s, probes=probes)
        self.rate, self.results = rate, Window(window_s)

    def _trips(self, ok: bool, now_s: float) -> bool:
        self.results.add(now_s, first=1, second=int(not ok))
        calls, failed = self.results.totals(now_s)
        return calls >= self.failures and failed >= self.rate * calls

    def _forget(self) -> None:
        self.results.clear()
