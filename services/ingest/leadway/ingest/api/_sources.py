"""Sources of leads: where tools post to, and with which key."""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import Field

from leadway.decider import Fault, InvalidRequest
from leadway.facts.ingest import (
    SourceChanged,
    SourceMap,
)
from leadway.ingest.api import _answers
from leadway.ingest.api._editing import Code, Name, edit, new_id, partner_faults
from leadway.ingest.gather import campaigns_by_code
from leadway.ingest.policy.kinds import TARGETS, target_named
from leadway.stage import Answer, StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Command,
    Page,
    PageParams,
    asking,
    page_params,
    page_response,
    pointer,
    reply,
    require,
)
from leadway.words import code_key


class FieldMap(Command):
    fields: dict[Code, Code] = Field(default_factory=dict, max_length=200)
    events: dict[Code, Code] = Field(default_factory=dict, max_length=200)


class NewSource(Command):
    name: Name
    kind: Literal["native", "hubspot-form", "google-ads", "segment-track", "csv"]
    campaign: Code | None = None
    partner_id: str | None = Field(default=None, max_length=60)
    origin: Literal["vendor", "partner", "referral", "marketplace"] = "vendor"
    key: str | None = Field(default=None, min_length=8, max_length=200)
    origins: list[Annotated[str, Field(pattern=r"^https?://[^/\s]+$", max_length=200)]] = Field(
        default_factory=list, max_length=50
    )
    map: FieldMap | None = None


def key_mac(secret: bytes, key: str) -> str:
    """A source key as it is stored: an HMAC, so that a stolen log opens nothing."""
    return hmac.digest(secret, key.encode(), "sha256").hex()


def source_out(fact: SourceChanged, base_url: str) -> dict[str, Any]:
    """A source as the API shows it: never its key."""
    out = {"id": fact.entity_id, **msgspec.to_builtins(fact)}
    for hidden in ("key_mac", "entity_id"):
        out.pop(hidden, None)
    return out | {"url": f"{base_url}/ingest/v1/sources/{fact.entity_id}/leads"}


def source_routes(router: APIRouter, runtime: StageRuntime, secret: bytes, base_url: str) -> None:
    """Making sources, and looking at them."""

    @router.post("/sources", status_code=201, response_model=_answers.NewSource)
    async def create(body: NewSource, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Create a source of leads. Its key is shown in this answer and never again."""
        source_id = new_id("src", asked)
        key = body.key or f"lwk_{hmac.digest(secret, source_id.encode(), 'sha256').hex()[:40]}"
        await _check_source(runtime, body)
        given = body.model_dump(exclude={"key", "map", "origins"}, exclude_none=True)
        mapped = SourceMap(**body.map.model_dump()) if body.map else SourceMap()

        def change(_: object) -> SourceChanged:
            return SourceChanged(
                entity_id=source_id, key_mac=key_mac(secret, key), origins=tuple(body.origins), map=mapped, **given
            )

        def with_key(answer: Answer) -> Answer:
            return Answer(answer.status, {**answer.body, "key": key}, answer.headers)

        def out(fact: SourceChanged) -> dict[str, Any]:
            return source_out(fact, base_url)

        request = edit(SourceChanged, source_id, change, asked=asked, out=out, status=201, secrets_of=with_key)
        return reply(await runtime.execute(request))

    @router.get("/sources", response_model=Page[_answers.Source])
    async def every(
        _: Annotated[Caller, require("admin")], page: Annotated[PageParams, Depends(page_params)]
    ) -> Response:
        """The sources by id."""
        found = (await runtime.catalogs()).all(SourceChanged)
        ids = sorted(key for key in found if key > (page.starting_after or ""))
        return page_response(page.page([source_out(found[key], base_url) for key in ids[: page.fetch]]))


async def _check_source(runtime: StageRuntime, body: NewSource) -> None:
    faults: list[Fault] = []
    if body.campaign is not None and code_key(body.campaign) not in campaigns_by_code(await runtime.catalogs()):
        faults.append(Fault("#/campaign", "is no campaign's code; create the campaign first"))
    faults += [
        Fault(
            pointer(("map", "fields", said)),
            f"there is no field {ours!r}; there are {', '.join(TARGETS)}, and fields.*",
        )
        for said, ours in (body.map.fields if body.map else {}).items()
        if target_named(ours) is None
    ]
    if body.origin == "partner" and body.partner_id is None:
        faults.append(Fault("#/partner_id", "is required where the origin is partner: who brings the leads"))
    faults += await partner_faults(runtime, body.partner_id)
    if faults:
        raise InvalidRequest("The source cannot be made.", faults)
