"""The live edge in virtual time over real sockets: copies, coalescing, stale answers, Vary, purges, ranges."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from minisys.caching.edge_fetch import Rules
from minisys.caching.edge_signing import sign
from minisys.caching.edge_store import Store, Stored
from minisys.caching.edge_upstream import Limits
from minisys.caching.policies import POLICIES
from tests.caching.edge_stage import Scripted, Stage, play

MINUTE = {"Cache-Control": "max-age=60"}


def test_the_second_reader_gets_the_copy_with_its_age_and_how_it_came_about():
    origin = Scripted(MINUTE, work_s=0.1)

    async def scene(stage: Stage) -> Any:
        first = await stage.get()
        await asyncio.sleep(10)
        return first, await stage.get(), await stage.ask("GET", "/entries")

    first, second, (_, entries) = play(scene, origin, name="here")
    assert first[:2] == second[:2] == (200, "answer 1\n")
    assert first[2]["X-Cache"] == "MISS" and "Age" not in first[2]
    assert first[2]["Cache-Status"] == "here; fwd=uri-miss; fwd-status=200; stored"
    assert second[2]["X-Cache"] == "HIT" and second[2]["Age"] == "10" and second[2]["X-Served-By"] == "here"
    assert second[2]["Cache-Status"] == "here; hit; ttl=49"  # 0.1 s of the minute went by on the way
    assert second[2]["Server-Timing"] == 'cdn-cache;desc="HIT here"'
    assert entries[0]["key"] == "/x" and entries[0]["ttl_s"] == 49.9


@pytest.mark.parametrize("run", range(3))
def test_five_hundred_readers_of_an_expired_object_are_one_question_to_the_origin(run):
    origin = Scripted(MINUTE, work_s=0.2)

    async def scene(stage: Stage) -> Any:
        await stage.get()
        await asyncio.sleep(61 + run)
        found = await asyncio.gather(*(stage.get() for _ in range(500)))
        return found, stage.edge.collapsed

    found, collapsed = play(scene, origin)
    assert origin.made == 2 and collapsed == 499
    assert Counter(row[1] for row in found) == {"answer 2\n": 500}
    assert Counter(row[2]["X-Cache"] for row in found) == {"EXPIRED": 1, "HIT": 499}


def test_what_may_not_be_shared_is_never_taken_from_another_ones_fetch():
    async def origin(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(0.1)
        return web.Response(text=request.headers["Cookie"], headers={"Cache-Control": "private, max-age=60"})

    async def scene(stage: Stage) -> Any:
        users = [f"user={number}" for number in range(50)]
        found = await asyncio.gather(*(stage.get("/account", Cookie=user) for user in users))
        later = await asyncio.gather(*(stage.get("/account", Cookie=user) for user in users))
        return users, found, later, stage.edge.collapsed, stage.edge.upstream.asked

    users, found, later, collapsed, asked = play(scene, origin)
    assert [row[1] for row in found] == users == [row[1] for row in later]
    assert {row[2]["X-Cache"] for row in found + later} == {"PASS"} and asked == 100
    assert collapsed == 49  # nobody waits any more once it is known


def test_a_reader_who_leaves_takes_nothing_from_those_who_wait():
    origin = Scripted(MINUTE, work_s=1.0)

    async def scene(stage: Stage) -> Any:
        first = asyncio.create_task(stage.get())
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(stage.get()) for _ in range(5)]
        await asyncio.sleep(0.1)
        first.cancel()
        return await asyncio.gather(*others)

    assert {row[1] for row in play(scene, origin)} == {"answer 1\n"} and origin.made == 1


def test_stale_while_revalidate_answers_at_once_and_asks_once():
    origin = Scripted({"Cache-Control": "max-age=60, stale-while-revalidate=60"}, work_s=1.0)

    async def scene(stage: Stage) -> Any:
        await stage.get()
        await asyncio.sleep(70)
        began = asyncio.get_running_loop().time()
        found = await asyncio.gather(*(stage.get() for _ in range(20)))
        took = asyncio.get_running_loop().time() - began
        await asyncio.sleep(2)
        return found, took, await stage.get()

    found, took, after = play(scene, origin)
    assert {(row[1], row[2]["X-Cache"]) for row in found} == {("answer 1\n", "STALE")} and took < 0.01
    assert after[1:2] == ("answer 2\n",) and after[2]["X-Cache"] == "HIT" and origin.made == 2


def test_stale_if_error_spares_an_origin_that_is_down():
    origin = Scripted({"Cache-Control": "max-age=60, stale-if-error=600"}, work_s=0.1)

    async def scene(stage: Stage) -> Any:
        await stage.get()
        await asyncio.sleep(70)
        stage.front.abort()
        found = await asyncio.gather(*(stage.get() for _ in range(100)))
        await asyncio.sleep(0.5)
        asked = stage.edge.upstream.asked
        soon = await stage.get()
        await asyncio.sleep(600)
        return found + [soon], asked, stage.edge.upstream.asked, await stage.get()

    found, asked, same, too_late = play(scene, origin)
    assert {(row[0], row[1], row[2]["X-Cache"]) for row in found} == {(200, "answer 1\n", "STALE")}
    assert asked == same == 2  # a hundred readers, one attempt; and none in the second after it
    assert too_late[0] == 502 and "nobody takes connections" in too_late[1]


def test_a_copy_is_confirmed_not_fetched_again():
    origin = Scripted(MINUTE | {"ETag": '"1"'})

    async def scene(stage: Stage) -> Any:
        await stage.get()
        await asyncio.sleep(70)
        return await stage.get(), await stage.get()

    confirmed, after = play(scene, origin)
    assert confirmed[2]["X-Cache"] == "REVALIDATED" and after[2]["X-Cache"] == "HIT" and origin.made == 1
    assert "fwd=stale; fwd-status=304; stored" in confirmed[2]["Cache-Status"]


def test_vary_user_agent_makes_a_copy_for_each_browser_and_vary_language_two():
    traps = {"user-agent": "User-Agent", "language": "Accept-Language"}
    made = {}
    for name, vary in traps.items():
        origin = Scripted(MINUTE | {"Vary": vary})

        async def scene(stage: Stage) -> None:
            for number in range(30):
                await stage.get(User_Agent=f"Browser/{number}", Accept_Language="de" if number % 2 else "en")

        play(scene, origin)
        made[name] = origin.made
    assert made == {"user-agent": 30, "language": 2}


def test_spellings_of_accept_encoding_and_campaign_parameters_share_a_copy_if_told_to():
    spellings = ("gzip, deflate, br", "br, gzip", "br;q=1.0, gzip;q=0.5", "gzip, br, zstd")

    async def scene(stage: Stage) -> list[str]:
        found = [await stage.get(f"/x?utm_source={text[:2]}", Accept_Encoding=text) for text in spellings]
        return [row[2]["X-Cache"] for row in found]

    origin = Scripted(MINUTE | {"Vary": "Accept-Encoding"})
    rules = Rules(ignore_query=("utm_*",), encodings=("br", "gzip"))
    assert play(scene, origin, rules=rules) == ["MISS", "HIT", "HIT", "HIT"]
    assert origin.seen[0].headers["Accept-Encoding"] == "br"
    assert play(scene, Scripted(MINUTE | {"Vary": "Accept-Encoding"})) == ["MISS"] * 4


def test_purge_by_url_by_tag_and_of_everything():
    async def origin(request: web.BaseRequest) -> web.Response:
        return web.Response(text=request.path, headers=MINUTE | {"Cache-Tag": f"all-{request.path[1]}, both"})

    async def scene(stage: Stage) -> Any:
        async def results() -> str:
            return " ".join([(await stage.get(path))[2]["X-Cache"] for path in ("/a", "/b", "/a2")])

        seen = [await results(), await results()]
        for query in ("url=/a", "tag=all-a", "tag=none", "tag=both", "all=1"):
            _, told = await stage.ask("POST", f"/purge?{query}")
            seen.append(f"{told['purged']}: {await results()}")
        return seen

    assert play(scene, origin) == [
        "MISS MISS MISS", "HIT HIT HIT", "1: MISS HIT HIT", "2: MISS HIT MISS", "0: HIT HIT HIT", "3: MISS MISS MISS",
        "3: MISS MISS MISS",
    ]  # fmt: skip


def test_a_soft_purge_calls_copies_stale_and_they_still_help_out():
    origin = Scripted({"Cache-Control": "max-age=60, stale-while-revalidate=60, stale-if-error=600", "ETag": '"1"'})

    async def scene(stage: Stage) -> Any:
        await stage.get()
        await asyncio.sleep(5)
        told = await stage.ask("POST", "/purge?all=1&soft=1")
        stale = await stage.get()
        await asyncio.sleep(1)
        return told, stale[2]["X-Cache"], (await stage.get())[2]["X-Cache"]

    assert play(scene, origin) == ((200, {"purged": 1, "soft": True}), "STALE", "HIT") and origin.made == 1


@pytest.mark.parametrize("query", ["url=/x", "tag=t", "all=1"])
def test_a_fetch_that_began_before_a_purge_does_not_bring_the_old_copy_back(query):
    origin = Scripted(MINUTE | {"Cache-Tag": "t"}, work_s=1.0)

    async def scene(stage: Stage) -> Any:
        first = asyncio.create_task(stage.get())
        await asyncio.sleep(0.5)
        await stage.ask("POST", f"/purge?{query}")
        other = await stage.ask("POST", "/purge?url=/other")
        await first
        assert other[1]["purged"] == 0
        return (await stage.get())[1], (await stage.get())[2]["X-Cache"]

    assert play(scene, origin) == ("answer 2\n", "HIT")


def test_a_change_through_the_edge_makes_its_copy_invalid_and_no_other():
    origin = Scripted(MINUTE)

    async def scene(stage: Stage) -> Any:
        await stage.get("/a")
        await stage.get("/b")
        posted = await stage.get("/a", method="POST")
        return posted[2]["X-Cache"], *[(await stage.get(path))[2]["X-Cache"] for path in ("/a", "/b")]

    assert play(scene, origin) == ("PASS", "MISS", "HIT")


def test_the_store_is_bounded_in_bytes_and_forgets_what_was_not_used_longest():
    async def origin(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 10_000, headers=MINUTE)

    async def scene(stage: Stage) -> Any:
        for number in range(20):
            await stage.get(f"/{number}")
            await stage.get("/0")
        _, told = await stage.ask("GET", "/counts")
        return told, (await stage.get("/0"))[2]["X-Cache"], (await stage.get("/1"))[2]["X-Cache"]

    told, used, unused = play(scene, origin, limits=Limits(store_bytes=100_000))
    assert told["bytes"] <= 100_000 and told["copies"] == 9 and told["evicted"] == 11
    assert (used, unused) == ("HIT", "MISS")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_eviction_policy_keeps_within_the_bytes_and_loses_no_count(policy):
    store, draw = Store(50_000, policy), random.Random(5)
    for number in range(3000):
        key = f"/{draw.randrange(60)}"
        if not store.find(key):
            headers = CIMultiDict({"Cache-Tag": f"t{draw.randrange(5)}"})
            store.put(key, Stored(200, "OK", headers, b"x" * draw.randrange(9000), 0.0, 0.0))
        if not number % 7:
            store.drop(f"/{draw.randrange(60)}")
        assert 0 <= store.used <= 50_000
    assert store.used == sum(copy.size for key in store.keys() for copy in store.find(key)) and store.evicted > 100
    assert sum(len(store.tagged(f"t{tag}")) for tag in range(5)) == len(store)
    store.purge(list(store.keys()))
    assert (store.used, len(store), store.tagged("t1")) == (0, 0, [])


def test_what_is_too_large_to_keep_is_passed_on_whole_to_everybody():
    async def origin(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"0123456789" * 200_000, headers=MINUTE)

    async def scene(stage: Stage) -> Any:
        found = await asyncio.gather(*(stage.get() for _ in range(4)))
        return [len(row[1]) for row in found], {row[2]["X-Cache"] for row in found}, len(stage.edge.store)

    assert play(scene, origin, limits=Limits(object_bytes=100_000)) == ([2_000_000] * 4, {"PASS"}, 0)


def test_a_range_passes_through_on_a_miss_and_is_cut_from_a_copy_on_a_hit():
    async def origin(request: web.BaseRequest) -> web.Response:
        if request.headers.get("Range") == "bytes=2-4":
            return web.Response(status=206, text="234", headers=MINUTE | {"Content-Range": "bytes 2-4/10"})
        return web.Response(text="0123456789", headers=MINUTE)

    async def scene(stage: Stage) -> Any:
        missed = await stage.get(Range="bytes=2-4")
        whole = await stage.get()
        return missed, whole, await stage.get(Range="bytes=2-4"), await stage.get(Range="bytes=99-")

    missed, whole, hit, beyond = play(scene, origin)
    assert missed[:2] == hit[:2] == (206, "234") and missed[2]["X-Cache"] == "PASS" and whole[2]["X-Cache"] == "MISS"
    assert hit[2]["Content-Range"] == "bytes 2-4/10" and hit[2]["X-Cache"] == "HIT" and hit[2]["Content-Length"] == "3"
    assert beyond[0] == 416 and beyond[2]["Content-Range"] == "bytes */10"


def test_signed_addresses_are_checked_before_any_copy_and_share_one():
    origin = Scripted(MINUTE)
    key = "secret"

    async def scene(stage: Stage) -> Any:
        signed = [sign("/private/7?part=2", until, key) for until in (100, 5000)]
        found = [await stage.get(path) for path in (*signed, "/private/7?part=2", signed[0].replace("=2", "=3"), "/x")]
        await asyncio.sleep(200)
        return found, await stage.get(signed[0])

    found, over = play(scene, origin, rules=Rules(sign_key=key))
    assert [row[0] for row in found] == [200, 200, 403, 403, 200] and over[0] == 403
    assert found[1][2]["X-Cache"] == "HIT" and origin.seen[0].raw_path == "/private/7?part=2"
    assert "it is not signed" in found[2][1] and "is wrong" in found[3][1] and "has run out" in over[1]


def test_a_shield_gives_its_age_on_and_both_caches_say_what_they_did():
    origin = Scripted(MINUTE)

    async def scene(shield: Stage) -> Any:
        from minisys.caching import edge

        service = await edge.start(shield.url, "near", now=asyncio.get_running_loop().time)
        near = Stage(service, shield.session, None)
        await shield.get()
        await asyncio.sleep(50)
        first = await near.get()
        await asyncio.sleep(5)
        second = await near.get()
        await asyncio.sleep(6)
        third = await near.get()
        await service.close(0.0)
        return first[2], second[2], third[2]

    first, second, third = play(scene, origin, name="shield")
    assert first["Cache-Status"] == "shield; hit; ttl=10, near; fwd=uri-miss; fwd-status=200; stored"
    assert first["X-Served-By"] == "shield" and second["Age"] == "55" and second["Cache-Status"] == "near; hit; ttl=5"
    assert third["X-Cache"] == "EXPIRED" and origin.made == 2


def test_metrics_are_prometheus_text():
    async def scene(stage: Stage) -> str:
        await stage.get()
        await stage.get()
        async with stage.session.get(stage.admin + "/metrics") as answer:
            return await answer.text()

    text = play(scene, Scripted(MINUTE))
    assert 'minisys_edge_answers_total{cache="hit"} 1.0' in text and "minisys_edge_copies 1.0" in text
    assert "minisys_edge_sent_on_total 1.0" in text
