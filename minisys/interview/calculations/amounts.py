"""Estimation drills that ask how many and how much: requests, bytes, servers, shards, dollars.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil, log

from minisys.availability.theory import DAY_S
from minisys.interview.calculations import calculation, working
from minisys.interview.constants import constant

MIB_BYTES = 1024 * 1024


@working
def peak_load(users: float, actions: float, peak: float) -> dict[str, float]:
    """Requests a second at the peak, from daily users and what each of them does."""
    a_day = users * actions
    mean = a_day / DAY_S
    return {"a_day": a_day, "mean": mean, "at_peak": mean * peak}


@calculation
def peak_load_in_an_hour(users: float, actions: float, peak: float) -> float:
    """Slip: 3,600 s taken for a day."""
    return peak * users * actions / 3600


@working
def stored_in_a_year_tb(writes: float, kilobytes: float, copies: float) -> dict[str, float]:
    """Terabytes on all disks after a year of *writes* a second."""
    a_day_gb = writes * kilobytes * DAY_S / 1e6
    one_copy_tb = a_day_gb * 365 / 1000
    return {"a_day_gb": a_day_gb, "one_copy_tb": one_copy_tb, "stored_tb": one_copy_tb * copies}


@calculation
def stored_in_a_year_tib(writes: float, kilobytes: float, copies: float) -> float:
    """Slip: every thousand taken for 1,024."""
    return writes * kilobytes * DAY_S * 365 * copies / 1024**3


@working
def egress_gbit_per_s(rate: float, kilobytes: float) -> dict[str, float]:
    """Gbit/s that *rate* answers a second of *kilobytes* each take."""
    gigabytes = rate * kilobytes / 1e6
    return {"gigabytes": gigabytes, "gigabits": 8 * gigabytes}


@calculation
def egress_in_1024s(rate: float, kilobytes: float) -> float:
    """Slip: networks count in thousands, not in 1,024s."""
    return 8 * rate * kilobytes / 1024**2


@working
def hot_set_gb(objects: float, kilobytes: float, hot_percent: float, copies: float) -> dict[str, float]:
    """Memory for the hottest objects, in so many copies."""
    hot = objects * hot_percent / 100
    one_copy_gb = hot * kilobytes / 1e6
    return {"hot": hot, "one_copy_gb": one_copy_gb, "memory_gb": one_copy_gb * copies}


@calculation
def whole_set_gb(objects: float, kilobytes: float, hot_percent: float, copies: float) -> float:
    """Slip: everything kept in memory."""
    return objects * kilobytes / 1e6 * copies


@working
def link_table_gb(
    links: float, hot_percent: float, key_bytes: float, url_bytes: float, overhead_bytes: float
) -> dict[str, float]:
    """Memory of a hash table from short keys to addresses, for the hottest links."""
    hot = links * hot_percent / 100
    entry_bytes = key_bytes + url_bytes + overhead_bytes
    return {"hot": hot, "entry_bytes": entry_bytes, "memory_gb": hot * entry_bytes / 1e9}


@calculation
def link_table_bare_gb(
    links: float, hot_percent: float, key_bytes: float, url_bytes: float, overhead_bytes: float
) -> float:
    """Slip: the table's own bytes forgotten."""
    return links * hot_percent / 100 * (key_bytes + url_bytes) / 1e9


@calculation
def link_table_whole_gb(
    links: float, hot_percent: float, key_bytes: float, url_bytes: float, overhead_bytes: float
) -> float:
    """Slip: every link kept in memory."""
    return links * (key_bytes + url_bytes + overhead_bytes) / 1e9


@working
def key_characters(links_a_month: float, years: float) -> dict[str, float]:
    """Characters of a key over letters of both cases and digits, so that every link has its own."""
    links = links_a_month * 12 * years
    return {"links": links, "exact": log(links) / log(62), "characters": ceil(log(links) / log(62))}


@calculation
def key_rounded_down(links_a_month: float, years: float) -> float:
    """Slip: rounded down."""
    return key_characters(links_a_month, years)["characters"] - 1


@calculation
def key_decimal_digits(links_a_month: float, years: float) -> float:
    """Slip: digits alone."""
    return ceil(log(links_a_month * 12 * years) / log(10))


@working
def servers_in_zones(rate: float, cpu_ms: float, cores: float, limit_percent: float, zones: float) -> dict[str, float]:
    """Servers so that one zone may fail and the others stay at or below the limit."""
    busy = rate * cpu_ms / 1000
    needed = busy / (limit_percent / 100)
    servers = ceil(needed / cores)
    in_a_zone = ceil(servers / (zones - 1))
    return {"busy": busy, "needed": needed, "servers": servers, "in_a_zone": in_a_zone, "in_all": in_a_zone * zones}


@calculation
def servers_at_full(rate: float, cpu_ms: float, cores: float, limit_percent: float, zones: float) -> float:
    """Slip: counted with cores that are busy all the time."""
    return ceil(ceil(rate * cpu_ms / 1000 / cores) / (zones - 1)) * zones


@working
def probes_per_s(balancers: float, backends: float, interval_s: float) -> dict[str, float]:
    """Health checks a second that all backends answer together."""
    a_round = balancers * backends
    return {"a_round": a_round, "a_second": a_round / interval_s}


@calculation
def probes_of_one_balancer(balancers: float, backends: float, interval_s: float) -> float:
    """Slip: one balancer alone."""
    return backends / interval_s


@working
def json_cores(rate: float, kilobytes: float) -> dict[str, float]:
    """Cores that do nothing but write JSON."""
    megabytes = rate * kilobytes / 1000
    one_core_mb = constant("json_mib_per_s") * MIB_BYTES / 1e6
    return {"megabytes": megabytes, "one_core_mb": one_core_mb, "cores": megabytes / one_core_mb}


@calculation
def json_cores_in_bits(rate: float, kilobytes: float) -> float:
    """Slip: bits divided by bytes."""
    return 8 * json_cores(rate, kilobytes)["cores"]


@calculation
def json_cores_in_thousands(rate: float, kilobytes: float) -> float:
    """Slip: a mebibyte taken for a million bytes."""
    return rate * kilobytes / 1000 / constant("json_mib_per_s")


@working
def shard_count(
    data_tb: float, writes: float, shard_tb: float, shard_writes: float, fill_percent: float
) -> dict[str, float]:
    """Shards so that neither disk nor writes of one go above *fill_percent*."""
    by_size = ceil(data_tb / (shard_tb * fill_percent / 100))
    by_writes = ceil(writes / (shard_writes * fill_percent / 100))
    return {"by_size": by_size, "by_writes": by_writes, "shards": max(by_size, by_writes)}


@calculation
def shards_to_the_brim(
    data_tb: float, writes: float, shard_tb: float, shard_writes: float, fill_percent: float
) -> float:
    """Slip: no room left on any shard."""
    return ceil(max(data_tb / shard_tb, writes / shard_writes))


@calculation
def shards_added(data_tb: float, writes: float, shard_tb: float, shard_writes: float, fill_percent: float) -> float:
    """Slip: both needs added up."""
    return sum(list(shard_count(data_tb, writes, shard_tb, shard_writes, fill_percent).values())[:2])


@working
def month_dollars(vcpus: float, memory_gb: float, blob_tb: float, egress_tb: float) -> dict[str, float]:
    """What a month costs: processors, memory, blob storage and what is sent to the internet."""
    parts = {
        "vcpu": vcpus * constant("vcpu_dollars"),
        "memory": memory_gb * constant("memory_gb_dollars"),
        "blob": blob_tb * 1000 * constant("blob_gb_dollars"),
        "egress": egress_tb * 1000 * constant("egress_gb_dollars"),
    }
    return parts | {"month": sum(parts.values())}


@calculation
def month_without_egress(vcpus: float, memory_gb: float, blob_tb: float, egress_tb: float) -> float:
    """Slip: traffic is free."""
    parts = month_dollars(vcpus, memory_gb, blob_tb, egress_tb)
    return parts["month"] - parts["egress"]


@calculation
def month_in_gigabytes(vcpus: float, memory_gb: float, blob_tb: float, egress_tb: float) -> float:
    """Slip: terabytes charged as gigabytes."""
    parts = month_dollars(vcpus, memory_gb, blob_tb, egress_tb)
    return parts["vcpu"] + parts["memory"] + (parts["blob"] + parts["egress"]) / 1000


@working
def fanout_s(posts: float, followers: float, capacity: float, famous: float) -> dict[str, float]:
    """Seconds until a post has reached all of *famous* timelines, beside the usual posts."""
    usual = posts * followers
    left = capacity - usual
    return {"usual": usual, "left": left, "seconds": famous / left}


@calculation
def fanout_without_the_rest_s(posts: float, followers: float, capacity: float, famous: float) -> float:
    """Slip: the usual posts forgotten."""
    return famous / capacity
