"""What an interviewer says about a finding, and what helps: one sentence with its number, one cure with its chapter.

"You have a single point of failure" ends the talk. "Kill `db` and 100 % of the requests fail until somebody starts it
again; what now?" begins it. Every figure comes from the runs of the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from minisys.design.evidence import Proof, arrived

CURES: Mapping[str, str] = MappingProxyType({
    "single point of failure": "Run at least two copies in two zones behind a balancer (chapters 01 and 03).",
    "correlated zones": "Spread the copies over zones, so that no zone holds all or a majority (chapters 01 and 13).",
    "missing timeout": "Give the call a timeout a little above the callee's p99; then ask another copy, or answer "
    "without it where that is an answer (chapter 10).",
    "retry amplification": "Retry in one place only, with backoff, jitter and a retry budget (chapter 10).",
    "unbounded queue": "Limit what may wait, and refuse or shed the rest early (chapters 08 and 10).",
    "no headroom": "Run enough copies that the rest carries the load, or scale out before the peak (chapter 09).",
    "bottleneck": "Scale the part that is full first: more copies, a cache before it, or shards (chapters 02 to 07).",
    "lost writes": "Let another copy confirm before the user hears ok: semi-sync, raft, a durable queue (chapter 06).",
    "state in the tier": "Keep sessions in a shared store, so that any copy can serve anybody (chapter 02).",
    "hard dependency": "Make it optional: a fallback answer, or a queue and a worker that try later (chapter 10).",
    "cold cache": "Coalesce misses, warm up before traffic, limit what may reach the store (chapter 04).",
    "no replica": "Replicate to another zone with automatic failover, and test a backup (chapters 06 and 13).",
    "slow failover": "Promote automatically, check more often, shorten the name's lifetime (chapters 06 and 13).",
    "one region": "Stand by in a second region, warm enough for the RTO that is promised (chapter 13).",
})  # fmt: skip


def sentence(proof: Proof) -> str:
    """What was done to the design and what users got."""
    suspect = proof.suspect
    return SAID[suspect.weakness](suspect.component, proof, suspect.said)


def share(value: float) -> str:
    """A share as per cent, with the digits that a run can know."""
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.1f} %"


def suffered(proof: Proof) -> str:
    """The damage in words."""
    failed, late, lost = proof.damage
    said = []
    if failed >= 0.0005:
        said.append(f"{share(failed)} of the requests fail")
    if late >= 0.0005:
        said.append(f"{share(late)} come too late")
    if lost > 0:
        said.append(f"{proof.attacked.lost_writes:,.0f} confirmed writes are gone")
    return " and ".join(said) or "users hardly notice"


def _lost_data(name: str, proof: Proof) -> str:
    lost = proof.attacked.lost_writes
    return f"{lost:,.0f} writes that users were told are safe are gone ({proof.attacked.rpo_s:.3g} s of them)"


def _retries(name: str, proof: Proof, said: Mapping) -> str:
    sent, usual = (arrived(seen, name) for seen in (proof.attacked, proof.usual))
    per_s = (sent / proof.attacked.for_s) / max(1e-9, usual / proof.usual.for_s)
    return (
        f"{name} stumbles, its callers try {said['attempts']} times, and it gets {per_s:.1f} times the calls: "
        f"{share(proof.damage.total)} of the requests are lost that without retries would have been answered."
    )


SAID: Mapping[str, Callable[[str, Proof, Mapping], str]] = MappingProxyType({
    "single point of failure": lambda c, p, s: f"{c} is there once. It dies: {suffered(p)} until somebody repairs it.",
    "correlated zones": lambda c, p, s: (
        f"{c} has {s['copies']} copies, and the {s['there']} that it cannot do without stand in {s['zone']}. That zone "
        f"is lost: {suffered(p)}."
    ),
    "missing timeout": lambda c, p, s: (
        f"{c} hangs, and {s['who']} waits for it for ever: {share(p.damage.total)} of the requests are lost"
        + (f". A timeout of {s['patience']:.1f} s frees {s['who']}, to ask another copy or to say no at once."
           if s["keeps"] else
           f" that a timeout of {s['patience']:.1f} s and an answer without it would have saved.")
    ),
    "retry amplification": _retries,
    "unbounded queue": lambda c, p, s: (
        f"At {s['times']:.2g} times the traffic nobody says no: the line before {c} grows without end, and "
        + (f"{share(p.damage.late)} of the messages are still waiting." if "taker" in s else
           f"{share(p.damage.total)} of the requests come too late that a limit (queue: {s['limit']}) would save.")
    ),
    "no headroom": lambda c, p, s: (
        f"{c} is busy to {share(s['before'])}. Lose {s['lost']}, and the rest would have to be busy to "
        f"{share(s['after'])}: {suffered(p)}."
    ),
    "bottleneck": lambda c, p, s: (
        f"{c} is full first, at {s['at']:.2g} times today's traffic. At {s['times']:.2g} times: {suffered(p)}."
    ),
    "lost writes": lambda c, p, s: f"{c} dies right after it said ok: {_lost_data(c, p)}.",
    "state in the tier": lambda c, p, s: f"One copy of {c} dies, and what it knew of its users with it: {suffered(p)}.",
    "hard dependency": lambda c, p, s: (
        f"{c} is down, and {s['who']} cannot do without it: {share(p.damage.total)} of the requests fail with it."
    ),
    "cold cache": lambda c, p, s: (
        f"Your cache {c} is empty: {s['store']} gets {s['times']:.1f} times the requests, {share(s['after'])} of what "
        f"it can do; {suffered(p)}."
    ),
    "no replica": lambda c, p, s: f"{c} has no replica and is {s['saved']}. It dies: {suffered(p)}.",
    "slow failover": lambda c, p, s: (
        f"{c} moves on {s['how']}, and {s['allowed']:g} s are allowed. After those: {suffered(p)}."
    ),
    "one region": lambda c, p, s: f"All copies of something you need stand in {c}. The region is lost: {suffered(p)}.",
})  # fmt: skip
