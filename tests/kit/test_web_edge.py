"""Limits, streams, health, the gateway and the documentation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from leadway.decider import NotFound
from leadway.stage import Answer
from leadway.web import (
    Check,
    Limits,
    Page,
    PageParams,
    Shortcut,
    StreamItem,
    TokenVerifier,
    continue_trace,
    create_app,
    current_traceparent,
    etag,
    gateway,
    last_event_id,
    page_params,
    public,
    read_body,
    reply,
    stream,
)

OPEN = [public("a test")]
LIMITS = Limits(body_bytes_max=1_000, request_seconds_max=0.2, requests_max=2, large_bodies_bytes_max=6_000)


def routes(prefix: str = "things") -> APIRouter:
    router = APIRouter(dependencies=OPEN)

    @router.post(f"/{prefix}/v1/small")
    async def small(body: dict[str, Any]) -> int:
        return len(body)

    @router.post(f"/{prefix}/v1/unread")
    async def unread() -> str:
        return "done"

    @router.post(f"/{prefix}/v1/raw")
    async def raw(request: Request) -> int:
        return len(await read_body(request, bytes_max=500))

    @router.post(f"/{prefix}/v1/{{name}}/import", max_body_size=5_000)
    async def large(name: str, request: Request) -> int:
        return len(await request.body())

    add_reading_routes(router, prefix)
    return router


def add_reading_routes(router: APIRouter, prefix: str) -> None:
    @router.get(f"/{prefix}/v1/slow")
    async def slow() -> None:
        await asyncio.sleep(10)

    @router.get(f"/{prefix}/v1/trace")
    async def trace() -> str | None:
        return current_traceparent()

    @router.get(f"/{prefix}/v1/stream")
    async def items(request: Request) -> Any:
        async def numbers() -> AsyncIterator[StreamItem]:
            start = int(last_event_id(request) or 0)
            for number in range(start + 1, start + 4):
                await asyncio.sleep(0.12)
                yield StreamItem(json.dumps({"n": number}).encode(), id=str(number), event="number")

        return stream(request, numbers(), heartbeat_seconds=0.05)

    @router.get(f"/{prefix}/v1/list")
    async def listed(params: Annotated[PageParams, Depends(page_params)]) -> Page[int]:
        first = int(params.starting_after or 0) + 1
        return params.page(list(range(first, 8))[: params.fetch])

    @router.get(f"/{prefix}/v1/answer")
    async def answer() -> Any:
        return reply(Answer(status=201, body={"id": "x"}, headers={"ETag": etag(3)}))


def app_of(
    prefix: str = "things",
    *,
    checks: dict[str, Check] | None = None,
    registry: CollectorRegistry | None = None,
    shortcuts: tuple[Shortcut, ...] = (),
) -> FastAPI:
    return create_app(
        service=prefix,
        prefix=prefix,
        title=f"The {prefix}",
        version="1",
        routers=[routes(prefix)],
        tokens=TokenVerifier.for_key(b"k" * 32),
        checks=checks,
        registry=registry,
        limits=LIMITS,
        shortcuts=shortcuts,
    )


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of()) as made:
        yield made


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


def assert_too_large(response: httpx.Response, bytes_max: int) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (response.status_code, document["type"]) == (413, "/problems/body-too-large")
    assert document["bytes_max"] == bytes_max


async def test_a_body_over_the_limit_is_refused_by_its_declared_length(client: httpx.AsyncClient) -> None:
    content = json.dumps({"a": "x" * 1_000})
    headers = {"Content-Type": "application/json"}
    assert_too_large(await client.post("/things/v1/small", content=content, headers=headers), 1_000)
    assert_too_large(await client.post("/things/v1/unread", content=content, headers=headers), 1_000)


async def test_a_body_over_the_limit_is_refused_while_it_streams(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert_too_large(await client.post("/things/v1/small", content=chunks(11), headers=headers), 1_000)


async def test_a_route_may_take_more_or_less(client: httpx.AsyncClient) -> None:
    assert (await client.post("/things/v1/csv/import", content=chunks(50))).json() == 5_000
    assert (await client.post("/things/v1/csv/import", content=b"x" * 5_000)).json() == 5_000
    assert_too_large(await client.post("/things/v1/csv/import", content=chunks(51)), 5_000)
    assert_too_large(await client.post("/things/v1/csv/import", content=b"x" * 5_001), 5_000)
    assert (await client.post("/things/v1/raw", content=chunks(5))).json() == 500
    assert_too_large(await client.post("/things/v1/raw", content=chunks(6)), 500)


async def test_a_request_ends_in_time(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/v1/slow")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/outcome-unknown")
    assert response.headers["retry-after"]


async def test_each_request_ends_in_its_own_time(client: httpx.AsyncClient) -> None:
    gone = asyncio.create_task(client.get("/things/v1/slow"))
    await asyncio.sleep(0.05)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    for _ in range(2):
        first = asyncio.create_task(client.get("/things/v1/slow"))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(client.get("/things/v1/slow"))
        assert [(await each).status_code for each in (first, second)] == [503, 503]


async def test_a_body_must_arrive_in_time(client: httpx.AsyncClient) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    headers = {"Content-Type": "application/json"}
    response = await client.post("/things/v1/small", content=dripping(), headers=headers)
    assert (response.status_code, response.json()["type"]) == (408, "/problems/request-timeout")


async def test_more_requests_than_can_be_answered_are_refused(client: httpx.AsyncClient) -> None:
    slow = [asyncio.create_task(client.get("/things/v1/slow")) for _ in range(2)]
    await asyncio.sleep(0.05)
    response = await client.get("/things/v1/trace")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/overloaded")
    await asyncio.gather(*slow)
    assert (await client.get("/things/v1/trace")).status_code == 200


async def test_large_bodies_are_taken_as_long_as_there_is_room_for_all_of_them(client: httpx.AsyncClient) -> None:
    halfway = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield b"x" * 4_000
        halfway.set()
        await asyncio.sleep(0.1)

    first = asyncio.create_task(client.post("/things/v1/csv/import", content=waiting()))
    await halfway.wait()
    refused = await client.post("/things/v1/csv/import", content=chunks(21))
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert refused.headers["retry-after"]
    assert (await client.post("/things/v1/raw", content=chunks(5))).status_code == 200
    assert (await first).json() == 4_000
    assert (await client.post("/things/v1/csv/import", content=chunks(50))).json() == 5_000


async def test_a_stream_outlives_the_time_of_a_request_and_keeps_beating(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/v1/stream")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    lines = response.text.split("\n")
    assert [json.loads(line)["n"] for line in lines if line] == [1, 2, 3]
    assert len([line for line in lines[:-1] if not line]) >= 3


async def test_a_stream_comes_as_events_where_asked_and_goes_on_after_the_last_seen(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "7"}
    response = await client.get("/things/v1/stream", headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert 'id: 8\nevent: number\ndata: {"n": 8}\n\n' in response.text
    assert ": \n\n" in response.text


async def test_each_request_has_one_trace(client: httpx.AsyncClient) -> None:
    made = (await client.get("/things/v1/trace")).json()
    assert continue_trace(made)[3:35] == made[3:35]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = f"00-{trace}-00f067aa0ba902b7-00"
    continued = (await client.get("/things/v1/trace", headers={"traceparent": sent})).json()
    assert continued.startswith(f"00-{trace}-")
    assert continued.endswith("-00")
    assert continued != sent
    assert current_traceparent() is None


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ],
)
def test_a_malformed_traceparent_begins_a_new_trace(header: str) -> None:
    assert header[3:35] not in continue_trace(header)


async def test_a_list_comes_a_page_at_a_time(client: httpx.AsyncClient) -> None:
    first = (await client.get("/things/v1/list?limit=4")).json()
    assert first == {"data": [1, 2, 3, 4], "has_more": True}
    second = (await client.get("/things/v1/list?limit=4&starting_after=4")).json()
    assert second == {"data": [5, 6, 7], "has_more": False}
    for query in ("limit=0", "limit=201", "limit=x", "starting_after=%00", "starting_after="):
        assert (await client.get(f"/things/v1/list?{query}")).status_code == 422


async def test_an_answer_of_the_runtime_becomes_a_response(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/v1/answer")
    assert (response.status_code, response.json(), response.headers["etag"]) == (201, {"id": "x"}, '"3"')


async def test_a_shortcut_answers_before_fastapi_and_behind_the_same_limits() -> None:
    async def quick(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        if message["body"] == b"lost":
            raise NotFound("no such thing")
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"quick"})

    def shortcut(scope: Scope) -> ASGIApp | None:
        return quick if scope["path"] == "/things/v1/quick" else None

    async with client_of(app_of(shortcuts=(shortcut,))) as client:
        assert (await client.post("/things/v1/quick")).text == "quick"
        assert (await client.post("/things/v1/quick", content=b"lost")).json()["type"] == "/problems/not-found"
        assert_too_large(await client.post("/things/v1/quick", content=b"x" * 1_001), 1_000)
        assert (await client.get("/things/v1/trace")).status_code == 200


async def test_ready_means_that_every_check_holds() -> None:
    async def fine() -> str | None:
        return None

    async def behind() -> str | None:
        return "12 s behind the log"

    async def dead() -> str | None:
        raise OSError("secret address")

    async with client_of(app_of(checks={"database": fine})) as client:
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["services"]) == (200, {"things": {"database": "ok"}})
    async with client_of(app_of(checks={"database": dead, "log": behind})) as client:
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["services"] == {"things": {"database": "failed", "log": "12 s behind the log"}}
        assert (await client.get("/healthz")).status_code == 200


async def test_documentation_needs_no_network(client: httpx.AsyncClient) -> None:
    page = await client.get("/things/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!-- ", "").split("<script>")[0].replace("</", "")
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/things/docs/assets/{asset}" in page.text
        assert (await client.get(f"/things/docs/assets/{asset}")).status_code == 200


async def test_the_gateway_joins_services_and_rewrites_nothing() -> None:
    async def broken() -> str | None:
        return "down"

    one, two = CollectorRegistry(), CollectorRegistry()
    Counter("decided", "Decisions.", registry=one).inc(3)
    Counter("decided", "Decisions.", registry=two).inc(4)
    apps = {"alpha": app_of("alpha", registry=one), "beta": app_of("beta", registry=two, checks={"db": broken})}
    async with client_of(gateway(apps)) as client:
        assert (await client.post("/alpha/v1/small", json={"a": 1})).json() == 1
        assert (await client.post("/beta/v1/small", json={})).json() == 0
        front = (await client.get("/")).json()
        assert [each["docs"] for each in front["services"]] == ["/alpha/docs", "/beta/docs"]
        assert "/beta/docs" in (await client.get("/", headers={"Accept": "text/html"})).text
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["services"]) == (503, {"alpha": {}, "beta": {"db": "down"}})
        metrics = (await client.get("/metrics")).text
        assert metrics.count("# TYPE decided_total counter") == 1
        assert 'decided_total{service="alpha"} 3.0' in metrics
        assert 'decided_total{service="beta"} 4.0' in metrics
        assert 'leadway_http_request_seconds_count{method="POST",service="alpha",status="2xx"} 1.0' in metrics
        for path in ("/gamma/v1/small", "/nothing", "/alphabet/v1/small"):
            response = await client.get(path)
            assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
        assert (await client.post("/healthz")).json()["type"] == "/problems/method-not-allowed"
        assert (await client.get("/problems")).status_code == 200


def test_the_gateway_refuses_an_app_under_another_prefix() -> None:
    with pytest.raises(ValueError, match="beta"):
        gateway({"beta": app_of("alpha")})
