"""The diagram as real processes: started in order, watched, repaired, killed at will, audited, and gone afterwards.

    with up("shop") as shop:
        shop.url                                   # for users; shop.page is for your browser
        shop.kill("store/1"); shop.topology()
        shop.audit().sentence

Everything on the drawing is a process of this machine that one of the rooms wrote: the edge, the balancers, the store's
replicas, the broker … Here they are started in order and asked; live_host.py keeps them, and is the machine that the
supervisor needs below it.

Promised: up() returns when a user can buy; addresses stay what they are; nothing outlives close(), the `with` block,
this process or its kernel, SIGKILL included (testbed/guard.py). Not promised: timings; two processors run them all.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from minisys.chaos.plan import Fault
from minisys.design import shop_ledger as ledger
from minisys.design.live_api import Api
from minisys.design.live_audit import Audit, audit, role
from minisys.design.live_commands import Addresses
from minisys.design.live_host import Host
from minisys.design.live_load import Receipts, Shopping, shoppers
from minisys.design.live_plan import SHOP, plan
from minisys.design.parts import Design, Workers
from minisys.design.text import read
from minisys.queues.client import Client
from minisys.testbed import nodes
from minisys.testbed.nodes import NodeFailed

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("database cache queue external", "service workers", "balancer", "edge metrics", "autoscaler supervisor")
READY_S, LEADER_S = 30.0, 10.0


class LiveDesign:
    """A running design; `up()` makes it. url: for users. page: for you, with the topology and its buttons."""

    def __init__(self, design: Design, items: int = ledger.ITEMS, stock: int = ledger.STOCK) -> None:
        self.design, self.items, self.stock = design, items, stock
        self.receipts, places = Receipts(), plan(design)
        self._stack = contextlib.ExitStack()
        try:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="live-", dir=nodes._folder()))
            self.addresses = Addresses(design, places, Path(folder), items, stock)
            entries = self.addresses.of("edge") or self.addresses.of("balancer")
            self.urls = [f"http://127.0.0.1:{self.addresses.port[place.label]}" for place in entries]
            self.url = self.urls[0]
            self.host = Host(self.addresses)
            self._stack.callback(self.host.close)
            self.page = self._stack.enter_context(Api(self)).url
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        """Who is asked is there before who asks."""
        for kinds in ORDER:
            self.host.start(kinds.split())
            if "queue" in kinds:
                self._prepare()
        self._until(lambda: nodes.ask("GET", f"{self.url}/item/0"))
        self.host.watch()
        self.host.tell(f"{self.design.name} is up: {len(self.host.copies)} processes")

    def _prepare(self) -> None:
        """The queue; messages are hidden for 3 s, so a dead worker's are soon somebody else's."""
        (place,) = self.addresses.of("queue")
        with Client(f"http://127.0.0.1:{self.addresses.port[place.label]}", 5.0) as client:
            client("CreateQueue", QueueName=ledger.QUEUE, Attributes={"VisibilityTimeout": "3"})

    @staticmethod
    def _until(works: Any) -> None:
        """Wait until *works* no longer raises NodeFailed. Raises it after READY_S seconds."""
        deadline_s = time.monotonic() + READY_S
        while True:
            try:
                works()
                return
            except NodeFailed:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.05)

    @property
    def events(self) -> list[tuple[float, str]]:
        """What happened so far: (seconds since the start, text)."""
        return list(self.host.events)

    def kill(self, target: str) -> list[str]:
        """SIGKILL a copy "app/1", all copies of a part "app", or all in a zone "eu-a"; the labels of those that died.

        Raises ValueError for something that is not there.
        """
        return self.host.kill(target)

    def whole(self, within_s: float = 20.0) -> list[str]:
        """Wait until every copy is up; the labels of those that are not after *within_s* seconds."""
        return self.host.whole(within_s)

    def begin(self, fault: Fault) -> Any:
        """For chaos.inject: "kill" or "zone loss"; the supervisor puts it back. Raises ValueError for other kinds."""
        if fault.kind not in ("kill", "zone loss"):
            raise ValueError(f'a live design can be told to "kill" or "zone loss"; got {fault.kind!r}')
        self.kill(fault.target)
        return lambda: None

    def topology(self) -> dict[str, Any]:
        """What runs now: name, url, at_s, copies (copy, part, kind, zone, shard, pid, state, up_s, restarts, probe,
        probe_port), arrows between parts, and the latest events.
        """
        arrows = [(part.name, call.to) for part in self.design.parts for call in part.calls]
        arrows += [(part.source, part.name) for part in self.design.of(Workers)]
        return {
            "name": self.design.name, "url": self.url, "at_s": time.monotonic() - self.host.began_s,
            "copies": [self.host.row(copy) for copy in self.host.all()],
            "arrows": list(dict.fromkeys(arrows)), "events": self.events[-30:],
        }  # fmt: skip

    def roles(self) -> dict[str, str]:
        """What each copy of the store is now: "leader", "follower", or "" if it does not say."""
        stores = self.addresses.of("database")
        with ThreadPoolExecutor(len(stores)) as hands:
            said = hands.map(lambda place: role(self.addresses.port[place.label]), stores)
        words = {"master": "leader", "slave": "follower"}
        return {place.label: words.get(one, "") for place, one in zip(stores, said, strict=True)}

    def table(self) -> pd.DataFrame:
        """The topology as a table: the page's static twin."""
        import pandas as pd

        shown = ["copy", "kind", "zone", "state", "pid", "up_s", "restarts"]
        return pd.DataFrame(self.topology()["copies"])[shown].round({"up_s": 1})

    def leader(self, shard: int = 1) -> str:
        """The copy that leads *shard* (from 1) of the store now. Raises NodeFailed if nobody does for LEADER_S."""
        deadline_s = time.monotonic() + LEADER_S
        of = {place.label: place.shard for place in self.addresses.of("database")}
        while time.monotonic() < deadline_s:
            for label, said in self.roles().items():
                if said == "leader" and of[label] == shard:
                    return label
            time.sleep(0.05)
        raise NodeFailed(f"nobody leads shard {shard} for {LEADER_S:g} s; there are {max(of.values())} shards")

    def load(
        self, for_s: float = 10.0, per_s: float = 50.0, *, buys: float = 0.3, seed: int = 0,
        begun: Event | None = None, stop: Event | None = None,
    ) -> Shopping:  # fmt: skip
        """Locust's users for *for_s* seconds: *per_s* of them come each second, a share *buys* of them orders.

        Returns what they saw; their receipts count in the next audit. *begun* is set when the first comes; *stop* ends
        it early.
        """
        return shoppers(
            self.urls, for_s, per_s, buys=buys, seed=seed, items=self.items, receipts=self.receipts, begun=begun,
            stop=stop,
        )  # fmt: skip

    def audit(self, settle_s: float = 20.0, receipts: Iterable[tuple[str, int, int]] = ()) -> Audit:
        """Does the ledger add up? Waits until the queue is empty, *settle_s* seconds at the most.

        receipts: (order, item, unit) that other users were given; those of load() are known.
        """
        found = audit(self.addresses, [*self.receipts.rows, *receipts], settle_s)
        self.host.tell(f"audit: {found.sentence}")
        return found

    def close(self) -> None:
        """End every process."""
        self._stack.close()

    def __enter__(self) -> LiveDesign:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _from_file(name: str) -> Design:
    """The design in the text file *name*. Raises ValueError if there is none, or it is no design."""
    if not Path(name).is_file():
        raise ValueError(f'there is "shop", and files with a design; {name!r} is neither')
    return read(Path(name).read_text("utf-8"))


def up(design: Design | str = "shop", *, items: int = ledger.ITEMS, stock: int = ledger.STOCK) -> LiveDesign:
    """Start *design* ("shop", or the name of a text file) as real processes: ``with up() as shop: …``.

    items: different things on sale; stock: units of each. Raises NotLive, before anything starts, for what the live
    form does not have; ValueError for another name or a number below 1; NodeFailed if a process does not start.
    """
    if isinstance(design, str):
        design = SHOP if design == "shop" else _from_file(design)
    if items < 1 or stock < 1:
        raise ValueError(f"need items >= 1 and stock >= 1, got {items} and {stock}")
    return LiveDesign(design, items, stock)
