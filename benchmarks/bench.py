"""How fast is it, how much does it need, and beside whom? `make bench` answers in a few minutes.

Tables: requests simulated a second, the live proxy beside NGINX and HAProxy, eviction policies beside two libraries,
miss-ratio curves, the cache server, the sharded and the replicated stores beside Valkey, brokers beside NATS and moto,
a sweep of autoscaling runs, a shop as a design, a full progress file, memory and import. Medians of alternating rounds,
with ratios, because on another machine only the ratios can be hoped for. They go to the terminal and to
benchmarks/RESULTS.md. Exit code 1 if a goal for memory or import is missed; speeds have no limit here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import (
    autoscaling,
    caches,
    design,
    footprint,
    interview,
    proxies,
    queues,
    replication,
    report,
    sharding,
    simulators,
    sliders,
)
from benchmarks.report import Section

AGAIN = """`make bench`, on a quiet machine. Rounds and seconds: `.venv/bin/python -m benchmarks.bench --help`.
The sliders of some chapters: `.venv/bin/python -m benchmarks.sliders 05 07`.
AsyncFlow needs a Python of its own (3.12 or newer):
`uv venv --python 3.12 /tmp/asyncflow && uv pip install --python /tmp/asyncflow/bin/python asyncflow-sim`, then
`ASYNCFLOW_PYTHON=/tmp/asyncflow/bin/python make bench`. wrk comes from the system (`apt-get install wrk`)."""

SIMULATORS_NOTE = f"""Three backends at 80 % utilisation ({simulators.RATE_PER_S:g} requests/s, exponential work of \
{1000 * simulators.MEAN_S:g} ms). Requests per second of CPU time, median of {{rounds}} rounds; ratios to the \
idiomatic script, paired within a round. The first four serve the same requests (as many of them as the column says), \
and their latencies for round robin are equal; Ciw and AsyncFlow draw their own. Ours includes building the trace."""

ASYNCFLOW_NOTE = """AsyncFlow's least connections counts what is under way to a server, not what waits there: with \
edges that take no time it sends nearly all to one server, and only what came back is counted."""

PROXIES_NOTE = """{generator}, one thread, 32 kept-alive connections, closed loop, {seconds:g} s a round, median of \
{rounds} alternating rounds; policy: least connections. Two backends that answer at once with two bytes. All share \
this machine's cores, so requests/s is a figure of the whole bench; CPU time per request is the proxy's own. Loopback \
hides most of a proxy's work from the user. Ratios are to NGINX, paired within a round."""

POLICIES_NOTE = f"""Zipf {caches.SKEW:g} over {caches.KEYS:,} keys, {caches.REQUESTS:,} requests, an empty cache of \
{caches.SIZE:,}. Requests per second of CPU time, median of {{rounds}} rounds; ratios to ours, paired within a round. \
libcachesim is C, called from Python once a request; ours and cachetools are Python."""

CURVES_NOTE = f"""{caches.CURVE_SIZES} sizes, {caches.CURVE_REQUESTS:,} requests, one process; the goal is \
{caches.GOAL_S:g} s a policy. LRU in one pass, exact. The others on a sample of the keys; the last column is the \
largest difference in miss ratio from the exact run, at three of the sizes."""

SERVERS_NOTE = """{tool}, 50 clients, pipeline 1 and 16, 10,000 keys, values of 3 bytes (its default), median of \
{rounds} alternating rounds; MGET asks for ten keys. One core serves, the other loads. Ratios are to Valkey, paired \
within a round: CPU above 1 means that ours costs more."""

FOOTPRINT_NOTE = "Each in a fresh process. Peak memory includes workload, trace, percentiles and per-second table."


def simulators_sections(rounds: int, say: Callable[[str], None]) -> list[Section]:
    """Requests simulated per CPU-second, a table for each policy."""
    measured, last = simulators.measure(rounds, say), simulators.asyncflow_missing()
    columns = ["simulator", "requests", "requests per CPU-s", "ratio", "mean latency (ms)"]
    sections = []
    for policy in simulators.POLICIES:
        rows = [
            (row.name, f"{row.requests:,}", f"{row.per_s:,.0f}", f"{row.ratio:.3g}", f"{1000 * row.mean_s:.1f}")
            for row in measured
            if row.policy == policy
        ]
        peculiar = last or (ASYNCFLOW_NOTE if policy == "least connections" else "")
        note = f"{SIMULATORS_NOTE.format(rounds=rounds)} {peculiar}".rstrip()
        sections.append(Section(f"Simulated requests, {policy}", note, columns, rows))
    return sections


def proxies_section(rounds: int, seconds: float, say: Callable[[str], None]) -> Section:
    """The live proxy beside the products."""
    found, missing = proxies.measure(rounds, seconds, say)
    rows = [
        (
            row.name, f"{row.per_s:,.0f}", f"{row.per_s_ratio:.2f}", f"{row.p99_ms:.2f}", f"{row.cpu_us:.1f}",
            f"{row.cpu_ratio:.2f}", str(row.failed),
        )
        for row in found
    ]  # fmt: skip
    columns = ["proxy", "requests/s", "ratio", "p99 (ms)", "its CPU per request (µs)", "ratio", "failed"]
    note = PROXIES_NOTE.format(generator=proxies.generator(), rounds=rounds, seconds=seconds)
    return Section("Live proxies, one worker each", " ".join([note, *missing]), columns, rows)


def caches_sections(rounds: int, say: Callable[[str], None]) -> list[Section]:
    """Policies beside libraries, curves against the clock, the server beside Valkey."""
    note = POLICIES_NOTE.format(rounds=rounds)
    columns = ["policy", "ours", "libcachesim", "ratio", "cachetools", "ratio"]
    sections = [Section("Eviction policies", note, columns, caches.policies(rounds, say))]
    columns = ["policy", "sample", "seconds", "goal", "largest error"]
    sections.append(Section("Miss-ratio curves", CURVES_NOTE, columns, caches.curve_rows(say)))
    rows, missing = caches.servers(rounds, say)
    tool = (caches.tool() or "redis-benchmark").rsplit("/", 1)[-1]
    note = " ".join([SERVERS_NOTE.format(tool=tool, rounds=rounds), missing]).rstrip()
    columns = [
        "command, pipeline",
        "ours, requests/s",
        "Valkey",
        "ratio",
        "its CPU per request (µs)",
        "Valkey",
        "ratio",
    ]
    return [*sections, Section("Cache servers", note, columns, rows)]


def footprint_section(rows: list[footprint.Row]) -> Section:
    """Memory and import."""
    verdict = {True: "met", False: "**missed**"}
    lines = [(row.what, f"{row.value:.3g} {row.unit}", f"< {row.goal:g} {row.unit}", verdict[row.met]) for row in rows]
    return Section("Memory and import", FOOTPRINT_NOTE, ["what", "measured", "goal", ""], lines)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison (default: 5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds of load a round and proxy (default: 4)")
    options, console = parser.parse_args(), report.console()

    def say(text: str) -> None:
        console.print(f"[dim]{text}[/]", highlight=False)

    machine = report.machine()
    footprints = footprint.measure(say)
    sections = [
        *simulators_sections(options.rounds, say),
        proxies_section(options.rounds, options.seconds, say),
        *caches_sections(options.rounds, say),
        sharding.section(options.rounds, say),
        queues.section(min(options.rounds, 3), options.seconds / 2, say),
        replication.section(min(options.rounds, 3), say),
        autoscaling.section(min(options.rounds, 3), say),
        design.section(min(options.rounds, 3), say),
        interview.section(options.rounds, say),
        sliders.section(sliders.WORST, say),
        footprint_section(footprints),
    ]
    for section in sections:
        section.show(console)
    console.print(f"{machine}\nWritten to {report.write('RESULTS.md', 'Bench', machine, sections, AGAIN)}")
    return 0 if all(row.met for row in footprints) else 1


if __name__ == "__main__":
    sys.exit(main())
