"""The field's words for one thing: a standby is a replica, and "more than half of them" is a majority.

Who learned on Kafka says leader, who learned on MySQL says source, and both are right. The text helper reads either.
Promised: each group is one meaning in this course's questions; the longest phrase is taken first. Not done: grammar,
and words whose meaning depends on the sentence.
"""

from __future__ import annotations

import re
from functools import lru_cache

GROUPS = (  # the beginnings of words; the first is what all become
    "majority|quorum|more than half|most of the nodes|most of the voters|two of three|two out of three",
    "primary|leader|master|writer node",
    "replica|standby|secondar|follower",
    "fence|fencing|stonith|cut off|cuts off|shut out|revoke|power off the old|powered off",
    "retry|retries|try again|tries again|resend|re-send|attempt again|repeats the call|repeat the call",
    "jitter|random pause|random delay|random wait|randomised delay|randomized delay|staggered",
    "idempotency key|idempoten|deduplicat|dedup|request id|operation id|same token|unique token",
    "stale|outdated|out of date|old data|somewhat old|a little old|bit behind|seconds behind|yesterday's",
    "shed|load shedding|turn away|turns away|turned away|admission control|throttle|reject|refuse",
    "single flight|coalesc|one request per key|one caller per key|only one of them fetches|thundering herd|dogpile",
    "time to live|ttl|expiry|expires|expiration",
    "queue|message broker|backlog|buffer",
    "practise|practice|drill|game day|rehears|dry run|an exercise|fire exercise",
    "load test|load-test|stress test|load generator",
    "very many followers|celebrit|famous|superstar|huge accounts|popular accounts|millions of followers",
    "hold|reserve|reservation",
    "waiting room|virtual queue|let in|lets in|admit",
    "unknown|in doubt|undecided|limbo|neither yes nor no|may or may not",
    "reconcile|reconcil|settlement|balance the books|compare the books",
    "token bucket|leaky bucket|sliding window|fixed window",
    "atomic|compare-and-swap|compare and swap|lua script|conditional update|conditional write|in one step",
    "one transaction|same transaction|single transaction",
    "largest tenant|biggest tenant|biggest customer|largest customer|whale",
    "logical shards|virtual shards|buckets mapped|many small partitions",
    "drain|let them finish|stops taking new",
    "lease|epoch|generation number|fencing token",
    "degrade|reduced mode|without extras|switch off what",
    "replication lag|how far behind",
)  # fmt: skip


def canonical(text: str) -> str:
    """*text* in small letters with one word for each meaning."""
    return _pattern().sub(lambda found: _first()[found[1]], " ".join(text.casefold().split()))


@lru_cache(maxsize=1)
def _first() -> dict[str, str]:
    return {word: group.split("|")[0] for group in GROUPS for word in group.split("|")}


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    words = sorted(_first(), key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(map(re.escape, words))})\w*")
