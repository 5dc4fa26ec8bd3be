"""The layer-7 proxy: what goes through, what stays on its hop, and what happens when a backend fails."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from minisys.load_balancing.balancer import Backend
from minisys.load_balancing.health import OutlierEjection, RetryBudget, Sticky
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.proxy import Limits
from tests.load_balancing.stage import Stage, named, play

BOTH = {"a": named("a"), "b": named("b")}


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A backend that takes the request and hangs up."""
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def hangs(request: web.BaseRequest) -> web.Response:
    """A backend that never answers."""
    await asyncio.sleep(1e6)
    return web.Response()


def test_requests_alternate_and_paths_queries_and_bodies_arrive_as_they_were_sent() -> None:
    async def scene(stage: Stage) -> list[str]:
        first = await stage.get("/a%2Fb?q=1%202&r=%C3%A9")
        second = await stage.ask("POST", stage.url + "/form", data=b"x" * 70_000)
        third = await stage.ask("PUT", stage.url + "/", data=b"small")
        return [row[1] for row in (first, second, third)]

    said = play(scene, BOTH)
    assert said[0] == "a GET /a%2Fb?q=1%202&r=%C3%A9 0\n"
    assert said[1] == "b POST /form 70000\n"
    assert said[2] == "a PUT / 5\n"


def test_hop_by_hop_headers_stay_and_forwarding_headers_are_added() -> None:
    seen: dict[str, str] = {}

    async def backend(request: web.BaseRequest) -> web.Response:
        seen.update(request.headers)
        return web.Response(headers={"X-Mine": "yes", "X-Secret": "1", "Connection": "X-Secret"})

    async def scene(stage: Stage) -> Any:
        headers = {"Connection": "keep-alive, X-Private", "X-Private": "1", "X-Public": "2", "TE": "trailers",
                   "Proxy-Authorization": "x", "X-Forwarded-For": "9.9.9.9", "Host": "shop.example"}  # fmt: skip
        return (await stage.get("/", headers=headers))[2]

    answer = play(scene, {"a": backend})
    assert not {"X-Private", "TE", "Proxy-Authorization"} & set(seen)
    assert seen["X-Public"] == "2" and seen["Host"] == "shop.example" and seen["X-Forwarded-Host"] == "shop.example"
    assert seen["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1" and seen["X-Forwarded-Proto"] == "http"
    assert answer["X-Mine"] == "yes" and "X-Secret" not in answer


def test_connections_to_the_backend_are_kept_alive() -> None:
    ports = set()

    async def backend(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.Response(text="ok")

    async def scene(stage: Stage) -> None:
        for _ in range(10):
            await stage.get()

    play(scene, {"a": backend})
    assert len(ports) == 1


def test_large_bodies_are_streamed_both_ways_not_collected() -> None:
    arrived = asyncio.Event()

    async def backend(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            arrived.set()
            await response.write(piece)
        await response.write_eof()
        return response

    async def scene(stage: Stage) -> int:
        async def pieces() -> Any:
            yield b"first" * 1000
            await asyncio.wait_for(arrived.wait(), 5)  # the first piece is there before the last is sent
            for _ in range(100):
                yield b"y" * 10_000

        async with stage.session.post(stage.url, data=pieces()) as answer:
            return len(await answer.read())

    assert play(scene, {"a": backend}) == 5_000 + 1_000_000


def test_head_and_empty_answers_have_no_body() -> None:
    async def backend(request: web.BaseRequest) -> web.Response:
        return web.Response(status=204) if request.path == "/none" else web.Response(body=b"12345")

    async def scene(stage: Stage) -> Any:
        head = await stage.ask("HEAD", stage.url + "/")
        return head[0], head[2]["Content-Length"], (await stage.get("/none"))[0], (await stage.get("/"))[1]

    assert play(scene, {"a": backend}) == (200, "5", 204, "12345")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_an_idempotent_request_is_sent_to_another_backend(method: str) -> None:
    async def scene(stage: Stage) -> Any:
        status, _, headers = await stage.ask(method, stage.url + "/x")
        return status, headers["X-Attempts"]

    assert play(scene, {"a": closes, "b": named("b")}, raw=("a",)) == (200, "2")


def test_a_post_that_may_have_been_carried_out_is_not_sent_again() -> None:
    async def scene(stage: Stage) -> Any:
        return await stage.ask("POST", stage.url + "/pay", data=b"1 euro")

    status, text, _ = play(scene, {"a": closes, "b": named("b")}, raw=("a",))
    assert status == 502 and "backend a closed the connection" in text and "Tried: a" in text


def test_a_post_whose_connection_was_refused_is_sent_elsewhere_because_nobody_saw_it() -> None:
    async def scene(stage: Stage) -> Any:
        stage.fronts["a"].abort()
        status, text, headers = await stage.ask("POST", stage.url + "/pay", data=b"1 euro")
        return status, text, headers["X-Attempts"]

    assert play(scene, dict(BOTH)) == (200, "b POST /pay 6\n", "2")


def test_without_retries_the_user_sees_the_first_failure() -> None:
    async def scene(stage: Stage) -> int:
        return (await stage.get())[0]

    assert play(scene, {"a": closes, "b": named("b")}, raw=("a",), retries=0) == 502


def test_an_exhausted_retry_budget_ends_the_retries() -> None:
    async def scene(stage: Stage) -> list[int]:
        return [(await stage.get())[0] for _ in range(8)]

    none_left = {"budget": RetryBudget(ratio=0.0, min_per_s=0.1, window_s=10.0)}  # one retry in ten seconds
    answers = play(scene, {"a": closes, "b": named("b")}, raw=("a",), judgements=none_left)
    assert answers.count(502) == 3 and answers[0] == 200


def test_a_backend_that_does_not_answer_in_time_is_a_504_that_says_so() -> None:
    async def scene(stage: Stage) -> Any:
        begin = asyncio.get_running_loop().time()
        status, text, _ = await stage.get()
        return status, text, asyncio.get_running_loop().time() - begin

    status, text, took = play(scene, {"a": hangs}, limits=Limits(answer_s=3.0))
    assert status == 504 and "did not answer within 3 s" in text and took == pytest.approx(3.0, abs=0.01)


def test_all_backends_down_is_a_503_that_names_their_states() -> None:
    async def scene(stage: Stage) -> Any:
        for _ in range(2):
            stage.balancer.checked(stage.balancer.find("a"), False, 0.0)
        stage.balancer.drain("b")
        return await stage.get()

    status, text, _ = play(scene, dict(BOTH), judgements={"health": None})
    assert status == 503 and "a down" in text and "b draining" in text


def test_active_checks_take_a_dead_backend_out_and_bring_it_back() -> None:
    async def scene(stage: Stage) -> list[str]:
        states = []
        state = lambda: stage.balancer.state(stage.balancer.find("a"), 0.0)  # noqa: E731
        port = stage.fronts["a"].port
        await asyncio.sleep(0.9)
        states.append(state())
        stage.fronts["a"].abort()
        await asyncio.sleep(1.0)  # one failed check is not enough
        states.append(state())
        await asyncio.sleep(1.0)
        states.append(state())
        from minisys.testbed import http

        again = await http.listen(named("a"), port)
        await asyncio.sleep(2.0)
        states.append(state())
        again.abort()
        await again.close(0.0)
        return states

    check = HealthCheck(interval_s=1.0, timeout_s=0.5)
    assert play(scene, dict(BOTH), judgements={"health": check}) == ["up", "up", "down", "up"]


def test_a_backend_that_fails_in_a_row_is_put_aside_and_returns() -> None:
    async def scene(stage: Stage) -> Any:
        for _ in range(6):
            await stage.get()
        now = asyncio.get_running_loop().time()
        out = stage.balancer.state(stage.balancer.find("a"), now)
        return out, stage.balancer.state(stage.balancer.find("a"), now + 31)

    aside = {"ejection": OutlierEjection(consecutive=3, base_s=30, max_share=0.5)}
    assert play(scene, {"a": closes, "b": named("b")}, raw=("a",), judgements=aside) == ("ejected", "up")


def test_a_sticky_user_stays_until_the_backend_is_gone() -> None:
    async def scene(stage: Stage) -> list[str]:
        said = [(await stage.get())[1][0] for _ in range(4)]
        stage.balancer.drain(said[0])
        return said + [(await stage.get())[1][0] for _ in range(2)]

    cookies = {"sticky": Sticky()}
    said = play_with_cookies(scene, cookies)
    assert len(set(said[:4])) == 1 and len(set(said[4:])) == 1 and said[0] != said[4]


def play_with_cookies(scene: Any, judgements: dict[str, Any]) -> Any:
    async def with_jar(stage: Stage) -> Any:
        jar = aiohttp.CookieJar(unsafe=True)  # a browser with cookies, also for an IP address
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            stage.session = session
            return await scene(stage)

    return play(with_jar, dict(BOTH), judgements=judgements)


def test_the_admin_api_adds_weighs_drains_and_removes() -> None:
    async def scene(stage: Stage) -> Any:
        extra = {"name": "c", "address": f"127.0.0.1:{stage.fronts['b'].port}", "weight": 2}
        added = await stage.ask("POST", stage.admin + "/backends", json=extra)
        await stage.ask("PUT", stage.admin + "/backends/c/weight", json={"weight": 3})
        drained = await stage.ask("POST", stage.admin + "/backends/a/drain")
        removed = await stage.ask("DELETE", stage.admin + "/backends/a")
        policy = await stage.ask("PUT", stage.admin + "/policy", json={"name": "power of d", "options": {"d": 3}})
        return added[0], drained[1], removed[1], policy[1], [each.weight for each in stage.balancer.backends]

    added, drained, removed, policy, weights = play(scene, dict(BOTH))
    assert added == 200 and '"state": "draining"' in drained and '"name": "a"' not in removed
    assert '"d": 3' in policy and weights == [1.0, 3.0]


def test_removal_waits_for_the_requests_in_flight() -> None:
    async def slow(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(5)
        return web.Response(text="done")

    async def scene(stage: Stage) -> Any:
        running = asyncio.create_task(stage.get())
        await asyncio.sleep(1)
        await stage.ask("DELETE", stage.admin + "/backends/a")
        removed_at = asyncio.get_running_loop().time()
        return (await running)[1], removed_at

    said, removed_at = play(scene, {"a": slow, "b": named("b")})
    assert said == "done" and removed_at == pytest.approx(5.0, abs=0.1)


def test_metrics_are_prometheus_text_that_its_own_parser_reads() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    async def scene(stage: Stage) -> str:
        for _ in range(3):
            await stage.get()
        return (await stage.ask("GET", stage.admin + "/metrics"))[1]

    found = {f.name: f.samples for f in text_string_to_metric_families(play(scene, dict(BOTH)))}
    answers = {(s.labels["backend"], s.labels["code"]): s.value for s in found["minisys_answers"]}
    assert answers == {("a", "200"): 2, ("b", "200"): 1}
    assert [s.value for s in found["minisys_backend_up"]] == [1, 1]


def test_graceful_shutdown_finishes_what_is_in_hand_and_takes_nothing_new() -> None:
    async def slow(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(2)
        return web.Response(text="done")

    async def scene(stage: Stage) -> Any:
        running = asyncio.create_task(stage.get())
        await asyncio.sleep(1)
        closing = asyncio.create_task(stage.service.close(10.0))
        await asyncio.sleep(0.1)
        with pytest.raises(aiohttp.ClientConnectorError):
            await stage.get()
        await closing
        return (await running)[1]

    assert play(scene, {"a": slow}) == "done"


def test_a_user_who_leaves_is_not_the_backends_fault() -> None:
    async def large(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(body=b"z" * 1_000_000)

    async def scene(stage: Stage) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.service.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.transport.abort()
        await asyncio.sleep(5)
        return stage.balancer.find("a").failed

    assert play(scene, {"a": large}) == 0


def test_a_drained_backend_at_the_same_address_may_come_back() -> None:
    async def scene(stage: Stage) -> str:
        entry = stage.balancer.drain("a")
        stage.balancer.add(Backend("a", entry.host, entry.port), 0.0)
        return stage.balancer.state(entry, 0.0)

    assert play(scene, dict(BOTH)) == "up"
