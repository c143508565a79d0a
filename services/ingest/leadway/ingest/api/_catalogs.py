"""Campaigns, their spend, sources and vocabularies: what an admin sets up."""

from __future__ import annotations

import hmac
import secrets
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import Field

from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.facts.ingest import (
    CampaignChanged,
    CampaignSpendChanged,
    SourceChanged,
    SourceMap,
    Spend,
    VocabularyChanged,
    VocabularyEntry,
)
from leadway.facts.terms import Money as MoneyTerm
from leadway.ids import derive, draw
from leadway.ingest.gather import EPOCH, campaigns_by_code
from leadway.ingest.policy.currencies import known_currency
from leadway.ingest.policy.vocabulary import clashes, code_key
from leadway.ingest.store import unmapped
from leadway.stage import Answer, Decided, Edit, Request, StageRuntime
from leadway.web import Asked, Caller, Command, Page, PageParams, asking, etag, json_response, page_params, reply, require

Code = Annotated[str, Field(min_length=1, max_length=120)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Money(Command):
    minor: int = Field(ge=-(10**15), le=10**15)
    currency: str = Field(pattern="^[A-Z]{3}$")


class NewCampaign(Command):
    codes: list[Code] = Field(min_length=1, max_length=50)
    name: Name
    tactic: Name
    geography: str | None = Field(default=None, max_length=100)
    partner_id: str | None = Field(default=None, max_length=60)


class CampaignPatch(Command):
    codes: list[Code] | None = Field(default=None, min_length=1, max_length=50)
    name: Name | None = None
    tactic: Name | None = None
    geography: str | None = Field(default=None, max_length=100)
    partner_id: str | None = Field(default=None, max_length=60)


class NewSpend(Command):
    amount: Money
    from_: date = Field(alias="from")
    to: date
    funded_by: Literal["vendor", "partner", "mdf"]


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


class Entry(Command):
    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
    label: Name
    aliases: list[Name] = Field(default_factory=list, max_length=500)


def key_mac(secret: bytes, key: str) -> str:
    """A source key as it is stored: an HMAC, so that a stolen log opens nothing."""
    return hmac.digest(secret, key.encode(), "sha256").hex()


def catalog_routes(runtime: StageRuntime, source_secret: bytes, base_url: str) -> APIRouter:
    """The routes of ingest's catalogs."""
    router = APIRouter(prefix="/ingest/v1", tags=["catalogs"])
    _campaigns(router, runtime)
    _spend(router, runtime)
    _sources(router, runtime, source_secret, base_url)
    _vocabularies(router, runtime)
    return router


def campaign_out(fact: CampaignChanged) -> dict[str, Any]:
    """A campaign as the API shows it."""
    out = {"id": fact.entity_id, **msgspec.to_builtins(fact)}
    out.pop("entity_id")
    return out


def _campaigns(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/campaigns", status_code=201)
    async def create(body: NewCampaign, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Create a campaign. Its codes are what submissions name it by."""
        campaign_id = _new_id("cmp", asked)
        await _check_codes(runtime, body.codes, campaign_id)

        def change(_: object) -> CampaignChanged:
            return CampaignChanged(entity_id=campaign_id, **(body.model_dump() | {"codes": tuple(body.codes)}))

        return reply(await runtime.execute(_edit(CampaignChanged, campaign_id, change, asked, campaign_out, 201)))

    @router.get("/campaigns")
    async def every(
        _: Annotated[Caller, require("admin", "cam", "analyst")], page: Annotated[PageParams, Depends(page_params)]
    ) -> Page[dict[str, Any]]:
        """The campaigns by id."""
        found = (await runtime.catalogs()).all(CampaignChanged)
        ids = sorted(key for key in found if key > (page.starting_after or ""))
        return page.page([campaign_out(found[key]) for key in ids[: page.fetch]])

    @router.get("/campaigns/{campaign_id}")
    async def one(campaign_id: str, _: Annotated[Caller, require("admin", "cam", "analyst")]) -> Response:
        """A campaign as it stands, with its ETag."""
        found = await _campaign(runtime, campaign_id)
        return json_response(campaign_out(found), headers={"ETag": etag(found.version)})

    @router.patch("/campaigns/{campaign_id}")
    async def patch(campaign_id: str, body: CampaignPatch, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Change a campaign; what is not named stays."""
        await _campaign(runtime, campaign_id)
        if body.codes is not None:
            await _check_codes(runtime, body.codes, campaign_id)
        named = body.model_dump(exclude_none=True)
        if "codes" in named:
            named["codes"] = tuple(named["codes"])

        def change(held: CampaignChanged) -> CampaignChanged:
            return msgspec.structs.replace(held, **named)

        return reply(await runtime.execute(_edit(CampaignChanged, campaign_id, change, asked, campaign_out)))


def _spend(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/campaigns/{campaign_id}/spend", status_code=201)
    async def book(campaign_id: str, body: NewSpend, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Book spend on a campaign; a negative amount corrects an earlier booking."""
        await _campaign(runtime, campaign_id)
        faults: list[Fault] = []
        if body.to < body.from_:
            faults.append(Fault("#/to", "is before `from`"))
        if not known_currency(body.amount.currency):
            faults.append(Fault("#/amount/currency", "is no ISO 4217 currency"))
        if body.amount.minor == 0:
            faults.append(Fault("#/amount/minor", "must not be zero"))
        if faults:
            raise InvalidRequest("The spend cannot be booked.", faults)
        entry = Spend(
            spend_id=_new_id("spend", asked),
            amount=MoneyTerm(body.amount.minor, body.amount.currency),
            from_=body.from_,
            to=body.to,
            funded_by=body.funded_by,
        )

        def change(held: CampaignSpendChanged | None) -> CampaignSpendChanged:
            entries = held.entries if held else ()
            if any(each.spend_id == entry.spend_id for each in entries):
                entries = tuple(each for each in entries if each.spend_id != entry.spend_id)
            if len(entries) >= _SPEND_ENTRIES_MAX:
                raise InvalidRequest(f"A campaign takes at most {_SPEND_ENTRIES_MAX} bookings.")
            return CampaignSpendChanged(entity_id=campaign_id, entries=(*entries, entry))

        def out(_: Any) -> dict[str, Any]:
            return {"id": entry.spend_id, "campaign_id": campaign_id, **msgspec.to_builtins(entry)}

        return reply(await runtime.execute(_edit(CampaignSpendChanged, campaign_id, change, asked, out, 201)))


def source_out(fact: SourceChanged, base_url: str) -> dict[str, Any]:
    """A source as the API shows it: never its key."""
    out = {"id": fact.entity_id, **msgspec.to_builtins(fact)}
    for hidden in ("key_mac", "entity_id"):
        out.pop(hidden, None)
    return out | {"url": f"{base_url}/ingest/v1/sources/{fact.entity_id}/leads"}


def _sources(router: APIRouter, runtime: StageRuntime, secret: bytes, base_url: str) -> None:
    @router.post("/sources", status_code=201)
    async def create(body: NewSource, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Create a source of leads. Its key is shown in this answer and never again."""
        source_id = _new_id("src", asked)
        key = body.key or f"lwk_{hmac.digest(secret, source_id.encode(), 'sha256').hex()[:40]}"
        catalogs = await runtime.catalogs()
        if body.campaign is not None and code_key(body.campaign) not in campaigns_by_code(catalogs):
            raise InvalidRequest(
                "The source cannot be made.", [Fault("#/campaign", "is no campaign's code; create the campaign first")]
            )
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

        request = _edit(SourceChanged, source_id, change, asked, out, 201, secrets_of=with_key)
        return reply(await runtime.execute(request))

    @router.get("/sources")
    async def every(
        _: Annotated[Caller, require("admin")], page: Annotated[PageParams, Depends(page_params)]
    ) -> Page[dict[str, Any]]:
        """The sources by id."""
        found = (await runtime.catalogs()).all(SourceChanged)
        ids = sorted(key for key in found if key > (page.starting_after or ""))
        return page.page([source_out(found[key], base_url) for key in ids[: page.fetch]])


def _vocabularies(router: APIRouter, runtime: StageRuntime) -> None:
    @router.get("/vocabularies/{vocabulary}")
    async def one(vocabulary: Literal["product", "industry"], _: Annotated[Caller, require("admin")]) -> Response:
        """A vocabulary, and the sayings that it has no code for yet."""
        entry = (await runtime.catalogs()).get(VocabularyChanged, vocabulary)
        version = entry.version if entry else 0
        return json_response(
            {
                "entries": msgspec.to_builtins(entry.entries) if entry else [],
                "version": version,
                "unmapped": await unmapped(runtime, vocabulary),
            },
            headers={"ETag": etag(version)},
        )

    @router.put("/vocabularies/{vocabulary}")
    async def put(
        vocabulary: Literal["product", "industry"], body: list[Entry], asked: Annotated[Asked, asking("admin")]
    ) -> Response:
        """Replace a vocabulary. A saying means at most one code."""
        entries = tuple(VocabularyEntry(code=e.code, label=e.label, aliases=tuple(e.aliases)) for e in body)
        _check_entries(entries)

        def change(_: object) -> VocabularyChanged:
            return VocabularyChanged(entity_id=vocabulary, entries=entries)

        def out(fact: VocabularyChanged) -> dict[str, Any]:
            return {"entries": msgspec.to_builtins(fact.entries), "version": fact.version}

        return reply(await runtime.execute(_edit(VocabularyChanged, vocabulary, change, asked, out)))


_SPEND_ENTRIES_MAX = 2000
_ENTRIES_MAX = 2000


def _check_entries(entries: tuple[VocabularyEntry, ...]) -> None:
    faults: list[Fault] = []
    if len(entries) > _ENTRIES_MAX:
        faults.append(Fault("#", f"has more than {_ENTRIES_MAX} entries"))
    for index, alias, other in clashes(entries):
        place = "label" if alias is None else f"aliases/{alias}"
        faults.append(Fault(f"#/{index}/{place}", f"already means {other}"))
    codes = [entry.code for entry in entries]
    faults += [Fault(f"#/{i}/code", "is there twice") for i, code in enumerate(codes) if code in codes[:i]]
    if faults:
        raise InvalidRequest("The vocabulary is not consistent.", faults)


async def _campaign(runtime: StageRuntime, campaign_id: str) -> CampaignChanged:
    found = (await runtime.catalogs()).get(CampaignChanged, campaign_id)
    if found is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return found


async def _check_codes(runtime: StageRuntime, codes: list[str], own_id: str) -> None:
    taken = campaigns_by_code(await runtime.catalogs())
    faults: list[Fault] = []
    for index, code in enumerate(codes):
        other = taken.get(code_key(code))
        if other is not None and other.entity_id != own_id:
            faults.append(Fault(f"#/codes/{index}", f"already names campaign {other.entity_id}"))
    if faults:
        raise InvalidRequest("A code names one campaign.", faults)


def _new_id(prefix: str, asked: Asked) -> str:
    """An id for what is created: the same one again under the same Idempotency-Key, where it has no time of its own."""
    key = asked.idempotency
    if key is None:
        return draw(prefix)
    return derive(prefix, EPOCH, key.caller, key.path, key.key, key.body_digest.hex())


def _edit(
    kind: type[Any],
    entity_id: str,
    change: Any,
    asked: Asked,
    out: Any,
    status: int = 200,
    *,
    secrets_of: Any = None,
) -> Request:
    def respond(decided: Decided) -> Answer:
        return Answer(status, out(decided.state), {"ETag": etag(decided.state.version)})

    return Request(
        Edit(kind, change, asked.if_match),
        entity_id,
        asked.caller.actor,
        respond=respond,
        idempotency=asked.idempotency,
        traceparent=asked.traceparent,
        secrets=secrets_of,
    )
