"""The balancer in a thread of this process: the way for a policy that only this process knows.

You write a policy in a notebook cell. It cannot be sent to another process by name, so the proxy comes to it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from minisys.load_balancing.balancer import Balancer, parse_backend
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.policies import Policy
from minisys.load_balancing.proxy import Limits
from minisys.load_balancing.service import Service, start


class ThreadedBalancer:
    """A running balancer with url, port and admin_port; ends with its `with` block. Keywords as in live.cluster."""

    def __init__(
        self,
        policy: Policy,
        addresses: Sequence[str],
        *,
        health: HealthCheck | None,
        retries: int,
        timeout_s: float | None,
        mode: str,
        **judgements: Any,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._thread.start()

        async def begin() -> Service:
            given = {name: value for name, value in judgements.items() if value is not None}
            balancer = Balancer(policy, [parse_backend(text) for text in addresses], health=health, **given)
            return await start(balancer, mode=mode, retries=retries, limits=Limits(answer_s=timeout_s or 30.0))

        try:
            self._service = self._call(begin())
        except BaseException:
            self._end()
            raise
        self.port, self.admin_port = self._service.port, self._service.admin_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ThreadedBalancer:
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._service.close())
        self._end()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
