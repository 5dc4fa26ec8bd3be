"""Looking at a running system from outside: a scraper that reads /metrics again and again, and keeps what it saw.

    with Scraper(f"http://127.0.0.1:{node.admin_port}/metrics") as scraper: ...
    scraper.store.sum("http_requests_total", code="500")

It is what Prometheus does, in fifty lines: pull, keep, and take the restarts out of counters when asked. A look that
fails is a fact too: `up` is 0 there.

Promised: any number of series, each as it was at each look; a counter that began again is carried on. Not done: disk,
queries (prombed and Prometheus have PromQL), and forgetting: an hour of looks is all it is made for.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from minisys.observability.histograms import Classic
from minisys.observability.metrics import monotone
from minisys.testbed.nodes import NodeFailed, ask

Key = tuple[str, frozenset[tuple[str, str]]]


class Store:
    """What was seen: `times_s` of the looks, and one value of each series for each look (NaN: it was not there)."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._up: list[bool] = []
        self._series: dict[Key, dict[int, float]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._times)

    @property
    def times_s(self) -> np.ndarray:
        """When it was looked, in the scraper's clock."""
        with self._lock:
            return np.array(self._times)

    @property
    def up(self) -> np.ndarray:
        """Which looks got an answer."""
        with self._lock:
            return np.array(self._up, bool)

    def add(self, at_s: float, text: str | None) -> None:
        """Keep one look: the text of /metrics, or None when there was no answer."""
        samples = [] if text is None else [s for f in text_string_to_metric_families(text) for s in f.samples]
        with self._lock:
            look = len(self._times)
            self._times.append(at_s)
            self._up.append(text is not None)
            for sample in samples:
                self._series.setdefault((sample.name, frozenset(sample.labels.items())), {})[look] = sample.value

    def sum(self, name: str, **labels: str) -> np.ndarray:
        """The counters *name* with these *labels*, restarts taken out, added up: one value a look.

        Raises KeyError if there is no such series, with those that there are.
        """
        return np.sum([monotone(values) for values in self._matching(name, labels).values()], axis=0)

    def gauge(self, name: str, **labels: str) -> np.ndarray:
        """The gauges *name* with these *labels*, added up: one value a look. Raises KeyError as `sum`."""
        return np.sum(list(self._matching(name, labels).values()), axis=0)

    def values(self, label: str) -> list[str]:
        """The values that *label* has, in order."""
        with self._lock:
            return sorted({value for _, labels in self._series for key, value in labels if key == label})

    def histogram(self, name: str, first: int, last: int, **labels: str) -> Classic:
        """What the histogram *name* counted between the looks *first* and *last*. Raises KeyError as `sum`."""
        edges: dict[float, float] = {}
        for (_, given), values in self._matching(f"{name}_bucket", labels).items():
            edge, steady = float(dict(given)["le"]), monotone(values)
            edges[edge] = edges.get(edge, 0.0) + steady[last] - steady[first]
        rising = sorted(edges)
        counts = np.diff([edges[edge] for edge in rising], prepend=0.0)
        return Classic(tuple(rising[:-1]), tuple(int(n) for n in counts))

    def _matching(self, name: str, labels: dict[str, str]) -> dict[Key, np.ndarray]:
        """The series that match, a value a look: what was not seen keeps its last value (0 before the first)."""
        with self._lock:
            found = {
                key: self._row(seen)
                for key, seen in self._series.items()
                if key[0] == name and labels.items() <= key[1]
            }
            known = sorted({key[0] for key in self._series})
        if not found:
            raise KeyError(f"no series {name} with {labels}; there are {', '.join(known)}")
        return found

    def _row(self, seen: dict[int, float]) -> np.ndarray:
        places = np.fromiter(seen, int)
        row = np.zeros(len(self._times))
        starts = np.append(places, len(row))
        for place, end in zip(places, starts[1:], strict=True):
            row[place:end] = seen[int(place)]
        return row


class Scraper:
    """A thread that looks at *url* every *every_s* seconds until its `with` block ends; `store` has what it saw.

    Raises ValueError unless every_s is positive.
    """

    def __init__(self, url: str, every_s: float = 0.1, store: Store | None = None) -> None:
        if not every_s > 0:
            raise ValueError(f"every_s must be above 0 seconds, got {every_s}")
        self.url, self.every_s, self.store = url, every_s, Store() if store is None else store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)

    def look(self) -> None:
        """Look once, now."""
        try:
            text: str | None = ask("GET", self.url, timeout_s=2.0)
        except NodeFailed:
            text = None
        self.store.add(time.monotonic(), text)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self.look()
            due = max(due + self.every_s, time.monotonic())
            self._stop.wait(due - time.monotonic())

    def __enter__(self) -> Scraper:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
