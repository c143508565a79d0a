"""Campaigns and what they cost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import Field

from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.facts.ingest import (
    CampaignChanged,
    CampaignSpendChanged,
    Spend,
)
from leadway.ingest.api._answers import Booked, Campaign
from leadway.ingest.api._editing import Code, Name, edit, new_id, partner_faults
from leadway.ingest.gather import campaigns_by_code
from leadway.money import amount_faults
from leadway.stage import StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Command,
    MoneyBody,
    Page,
    PageParams,
    asking,
    etag,
    json_response,
    page_params,
    page_response,
    reply,
    require,
)
from leadway.words import code_key

_SPEND_ENTRIES_MAX = 2000


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
    amount: MoneyBody
    from_: date = Field(alias="from")
    to: date
    funded_by: Literal["vendor", "partner", "mdf"]


def campaign_out(fact: CampaignChanged) -> dict[str, Any]:
    """A campaign as the API shows it."""
    out = {"id": fact.entity_id, **msgspec.to_builtins(fact)}
    out.pop("entity_id")
    return out


def edit_campaigns(router: APIRouter, runtime: StageRuntime) -> None:
    """Creating and changing campaigns."""

    @router.post("/campaigns", status_code=201, response_model=Campaign)
    async def create(body: NewCampaign, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Create a campaign. Its codes are what submissions name it by."""
        campaign_id = new_id("cmp", asked)
        await _check(runtime, body, campaign_id)

        def change(_: object) -> CampaignChanged:
            return CampaignChanged(
                entity_id=campaign_id,
                codes=_once_each(body.codes),
                name=body.name,
                tactic=body.tactic,
                geography=body.geography,
                partner_id=body.partner_id,
            )

        return reply(
            await runtime.execute(edit(CampaignChanged, campaign_id, change, asked=asked, out=campaign_out, status=201))
        )

    @router.patch("/campaigns/{campaign_id}", response_model=Campaign)
    async def patch(campaign_id: str, body: CampaignPatch, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Change a campaign; what is not named stays."""
        await _campaign(runtime, campaign_id)
        await _check(runtime, body, campaign_id)
        named = body.model_dump(exclude_none=True)
        if body.codes is not None:
            named["codes"] = _once_each(body.codes)

        def change(held: CampaignChanged) -> CampaignChanged:
            return msgspec.structs.replace(held, **named)

        return reply(await runtime.execute(edit(CampaignChanged, campaign_id, change, asked=asked, out=campaign_out)))


def read_campaigns(router: APIRouter, runtime: StageRuntime) -> None:
    """Looking at campaigns."""

    @router.get("/campaigns", response_model=Page[Campaign])
    async def every(
        _: Annotated[Caller, require("admin", "cam", "analyst")], page: Annotated[PageParams, Depends(page_params)]
    ) -> Response:
        """The campaigns by id."""
        found = (await runtime.catalogs()).all(CampaignChanged)
        ids = sorted(key for key in found if key > (page.starting_after or ""))
        return page_response(page.page([campaign_out(found[key]) for key in ids[: page.fetch]]))

    @router.get("/campaigns/{campaign_id}", response_model=Campaign)
    async def one(campaign_id: str, _: Annotated[Caller, require("admin", "cam", "analyst")]) -> Response:
        """A campaign as it stands, with its ETag."""
        found = await _campaign(runtime, campaign_id)
        return json_response(campaign_out(found), headers={"ETag": etag(found.version)})


def book_spend(router: APIRouter, runtime: StageRuntime) -> None:
    """Booking what campaigns cost."""

    @router.post("/campaigns/{campaign_id}/spend", status_code=201, response_model=Booked)
    async def book(campaign_id: str, body: NewSpend, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Book spend on a campaign; a negative amount corrects an earlier booking."""
        await _campaign(runtime, campaign_id)
        _check_spend(body)
        entry = Spend(
            spend_id=new_id("spend", asked),
            amount=body.amount.money(),
            from_=body.from_,
            to=body.to,
            funded_by=body.funded_by,
        )

        def change(held: CampaignSpendChanged | None) -> CampaignSpendChanged:
            return CampaignSpendChanged(entity_id=campaign_id, entries=_booked(held.entries if held else (), entry))

        def out(_: Any) -> dict[str, Any]:
            return {"id": entry.spend_id, "campaign_id": campaign_id, **msgspec.to_builtins(entry)}

        return reply(
            await runtime.execute(edit(CampaignSpendChanged, campaign_id, change, asked=asked, out=out, status=201))
        )


def _check_spend(body: NewSpend) -> None:
    faults = [*amount_faults(body.amount.money(), "#/amount", sign="not_zero")]
    if body.to < body.from_:
        faults.append(Fault("#/to", "is before `from`"))
    if faults:
        raise InvalidRequest("The spend cannot be booked.", faults)


def _booked(entries: tuple[Spend, ...], entry: Spend) -> tuple[Spend, ...]:
    if any(each.spend_id == entry.spend_id for each in entries):
        return entries
    if len(entries) >= _SPEND_ENTRIES_MAX:
        raise InvalidRequest(f"A campaign takes at most {_SPEND_ENTRIES_MAX} bookings.")
    return (*entries, entry)


async def _campaign(runtime: StageRuntime, campaign_id: str) -> CampaignChanged:
    found = (await runtime.catalogs()).get(CampaignChanged, campaign_id)
    if found is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return found


async def _check(runtime: StageRuntime, body: NewCampaign | CampaignPatch, own_id: str) -> None:
    taken = campaigns_by_code(await runtime.catalogs())
    faults: list[Fault] = []
    for index, code in enumerate(body.codes or ()):
        other = taken.get(code_key(code))
        if other is not None and other.entity_id != own_id:
            faults.append(Fault(f"#/codes/{index}", f"already names campaign {other.entity_id}"))
    faults += await partner_faults(runtime, body.partner_id)
    if faults:
        raise InvalidRequest("The campaign cannot be kept like that.", faults)


def _once_each(codes: list[str]) -> tuple[str, ...]:
    """Each code as it was first spelled."""
    kept: dict[str, str] = {}
    for code in codes:
        kept.setdefault(code_key(code), code)
    return tuple(kept.values())
