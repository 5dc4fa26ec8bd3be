"""Numbers of chapter 05: round trips, edges, freshness, variants, the shield, requests and bytes."""

from __future__ import annotations

from minisys.interview.calculations import calculation

HANDSHAKES = 2  # TCP, then TLS 1.3: one round trip each before the request (RFC 8446)
HEURISTIC = 0.1  # of the time since the last change (RFC 9111, section 4.2.2)


@calculation
def first_byte_ms(far_ms: float, work_ms: float) -> float:
    """First byte on a new connection: the handshakes, the request's own round trip, and the server's work."""
    return (HANDSHAKES + 1) * far_ms + work_ms


@calculation
def first_byte_connected_ms(far_ms: float, work_ms: float) -> float:
    """Slip: as if the connection were there."""
    return far_ms + work_ms


@calculation
def first_byte_without_tls_ms(far_ms: float, work_ms: float) -> float:
    """Slip: TCP's round trip alone before the request."""
    return 2 * far_ms + work_ms


@calculation
def first_byte_at_edge_ms(near_ms: float, far_ms: float, work_ms: float, hit_percent: float) -> float:
    """Mean first byte through an edge: handshakes are near; a miss adds one round trip to the origin and its work."""
    return (HANDSHAKES + 1) * near_ms + (1 - hit_percent / 100) * (far_ms + work_ms)


@calculation
def first_byte_cold_origin_ms(near_ms: float, far_ms: float, work_ms: float, hit_percent: float) -> float:
    """Slip: the edge opens a new connection to the origin for each miss."""
    return (HANDSHAKES + 1) * near_ms + (1 - hit_percent / 100) * first_byte_ms(far_ms, work_ms)


@calculation
def first_byte_of_hits_ms(near_ms: float, far_ms: float, work_ms: float, hit_percent: float) -> float:
    """Slip: every request a hit."""
    return (HANDSHAKES + 1) * near_ms


@calculation
def fresh_in_browser_s(max_age_s: float, s_maxage_s: float, age_s: float) -> float:
    """Seconds for which a browser may still use an answer: its max-age less the age that it came with."""
    return max_age_s - age_s


@calculation
def fresh_without_age_s(max_age_s: float, s_maxage_s: float, age_s: float) -> float:
    """Slip: the Age header overlooked."""
    return max_age_s


@calculation
def fresh_in_shared_cache_s(max_age_s: float, s_maxage_s: float, age_s: float) -> float:
    """Slip: s-maxage used, which is for shared caches."""
    return s_maxage_s - age_s


@calculation
def oldest_without_wait_s(s_maxage_s: float, stale_s: float) -> float:
    """The age up to which an edge answers at once, the time of stale-while-revalidate included."""
    return s_maxage_s + stale_s


@calculation
def oldest_fresh_s(s_maxage_s: float, stale_s: float) -> float:
    """Slip: only as long as it is fresh."""
    return s_maxage_s


@calculation
def stale_time_s(s_maxage_s: float, stale_s: float) -> float:
    """Slip: the second time taken for an age."""
    return stale_s


@calculation
def heuristic_hours(days: float) -> float:
    """Hours for which a cache may use an answer without explicit freshness: a tenth of the time since its change."""
    return HEURISTIC * days * 24


@calculation
def heuristic_none_hours(days: float) -> float:
    """Slip: not used at all without a header."""
    return 0.0


@calculation
def heuristic_whole_hours(days: float) -> float:
    """Slip: as long again as it has not changed."""
    return days * 24.0


@calculation
def stored_variants(encodings: float, languages: float, devices: float) -> float:
    """Copies of one URL that a cache may hold when the answer varies on three headers."""
    return encodings * languages * devices


@calculation
def variants_added(encodings: float, languages: float, devices: float) -> float:
    """Slip: values added."""
    return encodings + languages + devices


@calculation
def variants_of_languages(encodings: float, languages: float, devices: float) -> float:
    """Slip: only the largest counts."""
    return languages


@calculation
def origin_rate_with_shield(objects: float, edges: float, ttl_s: float) -> float:
    """Requests a second at the origin for objects in steady demand: one for each object and lifetime."""
    return objects / ttl_s


@calculation
def origin_rate_without_shield(objects: float, edges: float, ttl_s: float) -> float:
    """Slip: every edge asks the origin."""
    return objects * edges / ttl_s


@calculation
def origin_rate_shared_out(objects: float, edges: float, ttl_s: float) -> float:
    """Slip: divided among the edges."""
    return objects / (ttl_s * edges)


@calculation
def origin_bytes_percent(hit_percent: float, small_kb: float, large_kb: float) -> float:
    """Share of the bytes that the origin sends if hits are small files and misses large ones."""
    missed = (100 - hit_percent) * large_kb
    return 100 * missed / (missed + hit_percent * small_kb)


@calculation
def origin_requests_percent(hit_percent: float, small_kb: float, large_kb: float) -> float:
    """Slip: requests taken for bytes."""
    return 100 - hit_percent


@calculation
def large_file_percent(hit_percent: float, small_kb: float, large_kb: float) -> float:
    """Slip: as many large files as small ones."""
    return 100 * large_kb / (large_kb + small_kb)
