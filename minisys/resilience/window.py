"""Two counts over the last so many seconds, such as requests and failures.

"How many of the last two minutes' requests were turned away?" Keeping every request would answer exactly and cost
memory under load, which is when it is asked. Kept here: one pair of sums for each slice of the window.

Not promised: the exact window. It reaches back by up to one slice more than *window_s*.
"""

from __future__ import annotations

from collections import deque


class Window:
    """Sums of two counts over the last *window_s* seconds, in *slices* pieces.

    Raises ValueError unless window_s > 0 and slices >= 1.
    """

    def __init__(self, window_s: float, slices: int = 20) -> None:
        if not window_s > 0 or slices < 1:
            raise ValueError(f"need window_s > 0 and slices >= 1, got {window_s} and {slices}")
        self.slice_s, self.slices = window_s / slices, slices
        self.kept: deque[list[int]] = deque()  # [number of the slice, first count, second count]
        self.first = self.second = 0

    def add(self, now_s: float, first: int = 0, second: int = 0) -> None:
        """Count *first* and *second* at *now_s*. A time before the newest slice counts in that one."""
        number = int(now_s // self.slice_s)
        if not self.kept or self.kept[-1][0] < number:
            self.kept.append([number, 0, 0])
        self.kept[-1][1] += first
        self.kept[-1][2] += second
        self.first += first
        self.second += second

    def totals(self, now_s: float) -> tuple[int, int]:
        """Both sums over the window that ends at *now_s*."""
        oldest = int(now_s // self.slice_s) - self.slices
        while self.kept and self.kept[0][0] < oldest:
            _, first, second = self.kept.popleft()
            self.first -= first
            self.second -= second
        return self.first, self.second

    def clear(self) -> None:
        """Forget everything."""
        self.kept.clear()
        self.first = self.second = 0
