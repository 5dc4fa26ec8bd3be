"""PostgreSQL, Valkey and NATS behind the same harness as our own replicas.

"With a real database this would not happen." It does, with the same load, the same fault and the same judge, and it
does not with the same setting of the same knob. What each product's modes mean stands in its own module: postgres.py,
sentinel.py, jetstream.py.

Promised: the wheels' servers or those on PATH; what is missing, or cannot run here, is one clear line, and importing
this never fails. Checked with PostgreSQL 18.6, Valkey 9.1.2, NATS 2.15.1.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from minisys.replication import jetstream, postgres, sentinel
from minisys.replication.harness import System
from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing

__all__ = ["MODES", "ProductMissing", "available", "product"]
MODES = {"postgresql": postgres.MODES, "valkey": sentinel.MODES, "nats": ("R3",)}


def available() -> dict[str, str]:
    """Each product with its version and place, or with the one line that says why it is not there."""
    return {name: wheels.missing(name) or wheels.version(name) for name in MODES}


def product(name: str, mode: str, *, lag_s: float = 0.0) -> AbstractContextManager[System]:
    """Product *name* in *mode*, for a ``with`` block; *lag_s*: its replicas hear the primary that much later.

    Raises ValueError for an unknown name or mode, or a lag for NATS (which has no primary's link to slow down);
    entering the block raises ProductMissing.
    """
    if name not in MODES or mode not in MODES[name]:
        known = "; ".join(f"{one} {', '.join(modes)}" for one, modes in MODES.items())
        raise ValueError(f"unknown product or mode: {name!r} {mode!r}; known: {known}")
    if name == "postgresql":
        return postgres.pair(mode, lag_s=lag_s)
    if name == "valkey":
        return sentinel.trio(mode, lag_s=lag_s)
    if lag_s:
        raise ValueError(f"NATS has no lag here (jetstream.py says why), got {lag_s} s")
    return jetstream.triple()
