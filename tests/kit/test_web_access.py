"""Tokens, roles, and the key that they rest on."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter
from jwt.algorithms import ECAlgorithm

from leadway.web import (
    Asked,
    Caller,
    ClaimNames,
    RouteWithoutRoles,
    TokenExpired,
    TokenVerifier,
    Unauthenticated,
    asking,
    create_app,
    issue_token,
    load_or_create_key,
    public,
    require,
)

KEY = b"0123456789abcdef0123456789abcdef"
VERIFIER = TokenVerifier.for_key(KEY)
SOON = timedelta(hours=1)


def app_of(router: APIRouter) -> Any:
    return create_app(service="things", prefix="things", title="Things", version="1", routers=[router], tokens=VERIFIER)


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/things/v1/mine")
    async def mine(caller: Annotated[Caller, require("admin", "partner")]) -> dict[str, Any]:
        return {"subject": caller.subject, "partner_id": caller.partner_id}

    @router.get("/things/v1/open", dependencies=[public("it says nothing")])
    async def open_to_all() -> str:
        return "hello"

    @router.post("/things/v1/do")
    async def do(body: dict[str, Any], asked: Annotated[Asked, asking("admin")]) -> dict[str, Any]:
        key = asked.idempotency
        return {
            "actor": asked.caller.actor,
            "key": key and [key.caller, key.method, key.path, key.key, key.body_digest.hex()],
            "if_match": asked.if_match,
            "traceparent": asked.traceparent,
        }

    return router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(routes())), base_url="http://test") as made:
        yield made


def signed(claims: Mapping[str, Any], key: bytes = KEY, algorithm: str = "HS256") -> str:
    whole = {
        "iss": "leadway",
        "aud": "leadway",
        "sub": "ada",
        "role": "admin",
        "exp": datetime.now(UTC) + SOON,
        **claims,
    }
    return jwt.encode({name: value for name, value in whole.items() if value is not None}, key, algorithm=algorithm)


def test_a_token_names_its_caller_again() -> None:
    admin = issue_token(KEY, role="admin", subject="ada")
    cam = issue_token(KEY, role="cam", subject="cem", scope="assigned")
    partner = issue_token(KEY, role="partner", subject="pia", partner_id="ptr_1")
    assert VERIFIER.verify(admin) == Caller("ada", "admin")
    assert VERIFIER.verify(cam) == Caller("cem", "cam", None, "assigned")
    assert VERIFIER.verify(partner) == Caller("pia", "partner", "ptr_1")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "somebody"}, "issued by somebody else"),
        ({"aud": "another"}, "another audience"),
        ({"exp": None}, "lacks the claim exp"),
        ({"sub": None}, "lacks the claim sub"),
        ({"sub": "x\ny"}, "no usable subject"),
        ({"sub": ""}, "no usable subject"),
        ({"role": "root"}, "none of the roles"),
        ({"role": ["admin"]}, "none of the roles"),
        ({"role": None}, "none of the roles"),
        ({"role": "partner"}, "must name the partner"),
        ({"nbf": datetime.now(UTC) + SOON}, "not valid yet"),
    ],
)
def test_a_token_that_says_something_else_is_refused(claims: Mapping[str, Any], reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        VERIFIER.verify(signed(claims))


def test_a_token_of_another_key_or_of_none_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="not signed by"):
        VERIFIER.verify(signed({}, key=b"f" * 32))
    for token in ("", "x", "a.b.c", jwt.encode({"sub": "ada"}, "", algorithm="none"), "x" * 10_000):
        with pytest.raises(Unauthenticated):
            VERIFIER.verify(token)


def test_an_expired_token_is_told_apart() -> None:
    old = issue_token(KEY, role="admin", subject="ada", ttl=SOON, now=datetime.now(UTC) - 2 * SOON)
    with pytest.raises(TokenExpired):
        VERIFIER.verify(old)


def test_only_a_partner_s_token_is_bound_to_a_partner() -> None:
    with pytest.raises(ValueError, match="bound to a partner"):
        issue_token(KEY, role="partner", subject="pia")
    with pytest.raises(ValueError, match="bound to a partner"):
        issue_token(KEY, role="admin", subject="ada", partner_id="ptr_1")
    with pytest.raises(ValueError, match="live"):
        issue_token(KEY, role="admin", subject="ada", ttl=timedelta(0))


def test_an_identity_provider_replaces_the_key_by_settings() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    document = {"keys": [{**ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "k1"}]}
    verifier = TokenVerifier.for_jwks(
        document, issuer="idp", audience="api", claims=ClaimNames(role="leadway_role", scope="leadway_scope")
    )
    claims = {"iss": "idp", "aud": "api", "sub": "u1", "exp": datetime.now(UTC) + SOON, "leadway_role": "cam"}
    token = jwt.encode(claims, private, algorithm="ES256", headers={"kid": "k1"})
    assert verifier.verify(token) == Caller("u1", "cam")
    with pytest.raises(Unauthenticated, match="a key that is not known"):
        verifier.verify(jwt.encode(claims, private, algorithm="ES256", headers={"kid": "k2"}))
    with pytest.raises(Unauthenticated):
        verifier.verify(signed({"iss": "idp", "aud": "api"}))
    with pytest.raises(ValueError, match="JWKS"):
        TokenVerifier.for_jwks({"keys": []}, issuer="idp", audience="api")


def test_who_may_see_what_concerns_a_partner() -> None:
    assert Caller("a", "admin").may_see_partner("ptr_1", None)
    assert Caller("a", "analyst").may_see_partner("ptr_1", None)
    assert not Caller("a", "analyst").sees_personal_data
    assert Caller("c", "cam").may_see_partner("ptr_1", "someone")
    assert Caller("c", "cam", scope="assigned").may_see_partner("ptr_1", "c")
    assert not Caller("c", "cam", scope="assigned").may_see_partner("ptr_1", None)
    assert Caller("p", "partner", "ptr_1").may_see_partner("ptr_1", None)
    assert not Caller("p", "partner", "ptr_1").may_see_partner("ptr_2", None)
    assert not Caller("p", "partner", "ptr_1").may_see_partner(None, None)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense"])
async def test_without_a_good_token_nobody_comes_in(client: httpx.AsyncClient, header: str | None) -> None:
    response = await client.get("/things/v1/mine", headers={"Authorization": header} if header is not None else {})
    assert (response.status_code, response.json()["type"]) == (401, "/problems/unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_an_expired_token_is_refused_as_such(client: httpx.AsyncClient) -> None:
    old = issue_token(KEY, role="admin", subject="ada", ttl=SOON, now=datetime.now(UTC) - 2 * SOON)
    response = await client.get("/things/v1/mine", headers=bearer(old))
    assert (response.status_code, response.json()["type"]) == (401, "/problems/token-expired")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_role_opens_its_routes_only(client: httpx.AsyncClient) -> None:
    partner = bearer(issue_token(KEY, role="partner", subject="pia", partner_id="ptr_1"))
    analyst = bearer(issue_token(KEY, role="analyst", subject="ann"))
    assert (await client.get("/things/v1/mine", headers=partner)).json() == {"subject": "pia", "partner_id": "ptr_1"}
    response = await client.get("/things/v1/mine", headers=analyst)
    assert (response.status_code, response.json()["type"]) == (403, "/problems/forbidden")
    assert (await client.get("/things/v1/open")).json() == "hello"


async def test_the_token_is_judged_before_the_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/things/v1/do", json=[])).status_code == 401


async def test_the_documentation_names_the_roles(client: httpx.AsyncClient) -> None:
    document = (await client.get("/things/openapi.json")).json()
    assert document["paths"]["/things/v1/mine"]["get"]["security"] == [{"bearer": ["admin", "partner"]}]
    assert "security" not in document["paths"]["/things/v1/open"]["get"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    responses = document["paths"]["/things/v1/do"]["post"]["responses"]
    assert set(responses) == {"200", "default"}
    assert "application/problem+json" in responses["default"]["content"]


def test_a_route_without_roles_stops_the_service() -> None:
    router = APIRouter()

    @router.get("/things/v1/forgotten")
    async def forgotten() -> None:
        return None

    with pytest.raises(RouteWithoutRoles, match="GET /things/v1/forgotten"):
        app_of(router)


def test_a_route_outside_of_the_prefix_stops_the_service() -> None:
    router = APIRouter()

    @router.get("/other/v1/thing", dependencies=[public("a test")])
    async def thing() -> None:
        return None

    with pytest.raises(ValueError, match="/other/v1/thing"):
        app_of(router)


def test_an_unknown_role_is_a_mistake_of_the_author() -> None:
    with pytest.raises(TypeError, match="root"):
        require("root")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="some of the roles"):
        asking()


async def test_a_command_is_asked_with_all_that_it_needs(client: httpx.AsyncClient) -> None:
    headers = bearer(issue_token(KEY, role="admin", subject="ada"))
    plain = (await client.post("/things/v1/do", json={}, headers=headers)).json()
    assert (plain["actor"], plain["key"], plain["if_match"]) == ("admin:ada", None, None)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    more = {
        **headers,
        "Idempotency-Key": "order-7",
        "If-Match": '"12"',
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }
    full = (await client.post("/things/v1/do", json={}, headers=more)).json()
    assert full["key"][:4] == ["admin:ada", "POST", "/things/v1/do", "order-7"]
    assert full["if_match"] == 12
    assert full["traceparent"].startswith(f"00-{trace}-")
    other = (await client.post("/things/v1/do", json={"a": 1}, headers=more)).json()
    assert other["key"][4] != full["key"][4]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", "x" * 256),
        ("Idempotency-Key", "two words"),
        ("Idempotency-Key", ""),
        ("If-Match", "12"),
        ("If-Match", 'W/"12"'),
        ("If-Match", '"1", "2"'),
    ],
)
async def test_a_header_that_cannot_be_used_is_named(client: httpx.AsyncClient, name: str, value: str) -> None:
    headers = {**bearer(issue_token(KEY, role="admin", subject="ada")), name: value}
    response = await client.post("/things/v1/do", json={}, headers=headers)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"header:{name}"]


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deployment" / "key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]
    path.chmod(0o644)
    load_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "not hexadecimal", "abcd"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(ValueError, match="key holds no key"):
        load_or_create_key(path)
