"""Answers to lab 05: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

# Task 1 and 2 --------------------------------------------------------------------------------------------------------


def milliseconds(no_edge=800.0, hit=30.0, miss=320.0):
    return lambda: {"no edge": no_edge, "hit": hit, "miss": miss}


def words(*given):
    return lambda: list(given)


# Task 3 --------------------------------------------------------------------------------------------------------------


def _caches(regions, shield):
    return 1 if shield else regions


def once_every_ttl(rates, ttl_s, regions, shield):
    return sum(_caches(regions, shield) / ttl_s if ttl_s else rate for rate in rates)


def counts_the_hits(rates, ttl_s, regions, shield):
    return sum(rate - _caches(regions, shield) / (ttl_s + _caches(regions, shield) / rate) for rate in rates)


def a_share(rates, ttl_s, regions, shield):
    return 100 / (1 + rates[0] * ttl_s / regions)


def forgets_the_regions(rates, ttl_s, regions, shield):
    return sum(1 / (ttl_s + 1 / rate) for rate in rates)


def gives_every_edge_everything(rates, ttl_s, regions, shield):
    return sum(_caches(regions, shield) / (ttl_s + 1 / rate) for rate in rates)


def forgets_the_shield(rates, ttl_s, regions, shield):
    return sum(regions / (ttl_s + regions / rate) for rate in rates)


def lumps_the_pages(rates, ttl_s, regions, shield):
    caches = _caches(regions, shield)
    return caches / (ttl_s + caches / sum(rates))


def nothing(*_):
    return None


def by_hit_ratio(rates, ttl_s, regions, shield):  # right
    total = 0.0
    for rate in rates:
        here = rate if shield else rate / regions
        hit = here * ttl_s / (1 + here * ttl_s)
        total += rate * (1 - hit)
    return total


# Task 4 --------------------------------------------------------------------------------------------------------------


def _query(target):
    path, _, query = target.partition("?")
    return path, tuple(p for p in query.split("&") if p and not p.startswith("utm_") and not p.startswith("fbclid="))


def _language(headers):
    language = headers.get("Accept-Language", "")[:2]
    return language if language in ("de", "fr") else "en"


def _encoding(headers):
    accepted = headers.get("Accept-Encoding", "").replace(" ", "")
    names = [part.split(";")[0] for part in accepted.split(",") if not part.endswith(";q=0")]
    return "br" if "br" in names else "gzip" if "gzip" in names else "plain"


def the_path_only(target, headers):
    return target.partition("?")[0]


def the_whole_target(target, headers):
    return target, _language(headers), _encoding(headers)


def forgets_the_language(target, headers):
    return *_query(target), _encoding(headers)


def language_as_it_comes(target, headers):
    return *_query(target), headers.get("Accept-Language"), _encoding(headers)


def encoding_as_it_comes(target, headers):
    return *_query(target), _language(headers), headers.get("Accept-Encoding")


def looks_for_the_letters_br(target, headers):
    accepted = headers.get("Accept-Encoding", "")
    return *_query(target), _language(headers), "br" if "br" in accepted else "gzip" if "gzip" in accepted else "plain"


def a_copy_for_each_browser(target, headers):
    return *_query(target), _language(headers), _encoding(headers), headers.get("User-Agent")


def drops_all_parameters(target, headers):
    return target.partition("?")[0], _language(headers), _encoding(headers)


def a_list(target, headers):
    return [target, _language(headers), _encoding(headers)]


def needs_every_header(target, headers):
    return *_query(target), headers["Accept-Language"][:2], _encoding(headers)


def one_text(target, headers):  # right
    return f"{_query(target)} {_language(headers)} {_encoding(headers)}"


# Task 5 --------------------------------------------------------------------------------------------------------------

GOOD = {
    "static": "public, max-age=31536000, immutable",
    "item": "max-age=60, stale-while-revalidate=60, stale-if-error=3600",
    "price": "max-age=2, must-revalidate",
    "search": "max-age=0, s-maxage=30",
    "account": "private, no-cache",
    "other": "no-store",
}


def shop(**kinds):
    return lambda: GOOD | kinds


# Task 6 --------------------------------------------------------------------------------------------------------------

GRACE = "public, max-age=60, stale-while-revalidate=60, stale-if-error=3600"


def _answer(item, request, database, *, tag=None, control=GRACE, tags=None, first=True):
    tag = tag or f'"{item}-{database.version(item)}"'
    headers = {"ETag": tag, "Cache-Control": control, "Cache-Tag": tags or database.category(item)}
    page = "" if first else database.render(item)
    if request.get("If-None-Match") == tag:
        return 304, headers, ""
    return 200, headers, page or database.render(item)


def good(item, request, database):
    return _answer(item, request, database)


def without_grace(item, request, database):
    return _answer(item, request, database, control="public, max-age=60")


def renders_first(item, request, database):
    return _answer(item, request, database, first=False)


def a_tag_that_stays(item, request, database):
    return _answer(item, request, database, tag=f'"{item}"')


def without_quotes(item, request, database):
    return _answer(item, request, database, tag=f"{item}-{database.version(item)}")


def never_304(item, request, database):
    status, headers, body = _answer(item, {}, database)
    return status, headers, body


def keeps_nothing(item, request, database):
    return _answer(item, request, database, control="no-store")


def other_tags(item, request, database):
    return _answer(item, request, database, tags=f"item-{item}")


def only_a_page(item, request, database):
    return database.render(item)


def the_garden(cdn):
    cdn.purge("tag", "garden")


def everything(cdn):
    cdn.purge("all")


def everything_softly(cdn):
    cdn.purge("all", soft=True)


def one_page(cdn):
    cdn.purge("url", "/item/3")


def does_nothing(cdn):
    return None


def a_word_that_is_none(cdn):
    cdn.purge("category", "garden")


def page_by_page(cdn):  # right
    for item in range(10):
        cdn.purge("url", f"/item/{item}")
