"""The routes of deals: registering one, what becomes of its registration, how it ends, and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Response

from leadway.dealreg.api._answers import Deal
from leadway.dealreg.api._asking import by_of, on_deal, request
from leadway.dealreg.api._bodies import (
    AmendBody,
    ApproveBody,
    BroughtDealBody,
    ReasonBody,
    WinBody,
    named,
    product,
    why,
)
from leadway.dealreg.api._documents import deal_document
from leadway.dealreg.api._leads import deal_registered
from leadway.dealreg.decider.commands import (
    AmendDeal,
    ApproveDeal,
    BringDeal,
    By,
    LoseDeal,
    RejectDeal,
    ReopenDeal,
    ReturnDeal,
    WinDeal,
)
from leadway.dealreg.decider.refusals import UnknownDeal
from leadway.dealreg.decider.state import State, deal_of
from leadway.dealreg.policy.companies import match_of
from leadway.dealreg.store import cam_of, deals, lead_of_deal, oversees, own_lead, partners_of, product_term
from leadway.ids import draw
from leadway.stage import StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Page,
    PageParams,
    asking,
    json_response,
    page_params,
    page_response,
    reply,
    require,
)
from leadway.words import term_key

_ID_CHARACTERS_MAX: Final = 100
DealId = Annotated[str, Path(max_length=_ID_CHARACTERS_MAX, pattern=r"^[a-z0-9_]+$")]
FilterId = Annotated[str | None, Query(max_length=_ID_CHARACTERS_MAX, pattern=r"^[a-z0-9_]+$")]
Registration = Literal["submitted", "conflicted", "returned", "approved", "rejected", "expired"]
Manager = Annotated[Asked, asking("cam", "admin")]
Anyone = Annotated[Asked, asking("partner", "cam", "admin")]
Reader = Annotated[Caller, require("partner", "cam", "admin")]


@dataclass(frozen=True, slots=True)
class DealFilter:
    """Which deals are asked for."""

    partner_id: FilterId = None
    lead_id: FilterId = None
    registration: Annotated[Registration | None, Query()] = None
    outcome: Annotated[Literal["open", "won", "lost"] | None, Query()] = None


def deal_routes(runtime: StageRuntime) -> APIRouter:
    """The routes on deals."""
    router = APIRouter(prefix="/dealreg/v1/deals", tags=["deals"])
    _registering(router, runtime)
    _reading(router, runtime)
    _deciding(router, runtime)
    _ending(router, runtime)
    return router


def _registering(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("", status_code=201, response_model=Deal)
    async def bring_deal(body: BroughtDealBody, asked: Annotated[Asked, asking("partner")]) -> Response:
        """Register a deal that a partner brings: on its own open lead for that company and product (`linked`), where it
        has one, else on a lead of its own.
        """
        by = by_of(asked.caller)
        company = body.company.company()
        term = product_term(await runtime.catalogs(), product(body.product))
        linked = await own_lead(runtime, by.partner_id or "", match_of(company), term_key(term))
        # Drawn, not derived: where a request is sent again, its Idempotency-Key's row already has the answer.
        own = draw("lead")
        command = BringDeal(
            by=by,
            own_lead_id=own,
            linked_lead_id=linked,
            company=company,
            amount=body.amount.money(),
            product=product(body.product),
            lines=tuple(line.line() for line in body.lines),
            personal=named(body.name),
        )
        return reply(await runtime.execute(request(asked, linked or own, command, deal_registered)))


def _reading(router: APIRouter, runtime: StageRuntime) -> None:
    @router.get("", response_model=Page[Deal])
    async def list_deals(
        caller: Reader,
        page: Annotated[PageParams, Depends(page_params)],
        wanted: Annotated[DealFilter, Depends()],
    ) -> Response:
        """Deals, the youngest first; a partner sees its own."""
        by = by_of(caller)
        partner = by.role == "partner"
        if partner and wanted.partner_id not in (None, by.partner_id):
            return page_response(page.page([]))
        rows = await deals(
            runtime,
            fetch=page.fetch,
            after=page.starting_after,
            lead_id=wanted.lead_id,
            partner_id=by.partner_id if partner else wanted.partner_id,
            registration=wanted.registration,
            outcome=wanted.outcome,
            partners=partners_of(await runtime.catalogs(), by.subject) if by.assigned else None,
        )
        return page_response(page.page([deal_document(subject, deal, by) for subject, deal in rows]))

    @router.get("/{deal_id}", response_model=Deal)
    async def read_deal(deal_id: DealId, caller: Reader) -> Response:
        """A deal, for its partner, channel managers and admins."""
        return json_response(await _deal(runtime, deal_id, by_of(caller)))


async def _deal(runtime: StageRuntime, deal_id: str, by: By) -> dict[str, object]:
    lead_id = await lead_of_deal(runtime, deal_id)
    if lead_id is None:
        raise UnknownDeal
    state, _ = cast("tuple[State, object]", await runtime.lead(lead_id))
    deal = deal_of(state, deal_id)
    if deal is None or (by.role == "partner" and deal.partner_id != by.partner_id):
        raise UnknownDeal
    catalogs = await runtime.catalogs()
    if not oversees(by, deal.partner_id, lambda partner_id: cam_of(catalogs, partner_id)):
        raise UnknownDeal
    return deal_document(lead_id, deal, by)


def _deciding(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/{deal_id}/approve", response_model=Deal)
    async def approve(deal_id: DealId, body: ApproveBody, asked: Manager) -> Response:
        """Let the registration stand: its partner is protected for that company and product."""
        command = ApproveDeal(by=by_of(asked.caller), deal_id=deal_id, protect_for=body.protect_for)
        return reply(await on_deal(runtime, asked, command))

    @router.post("/{deal_id}/return", response_model=Deal)
    async def send_back(deal_id: DealId, body: ReasonBody, asked: Manager) -> Response:
        """Send the registration back to the partner for more."""
        command = ReturnDeal(by=by_of(asked.caller), deal_id=deal_id, personal=why(body.reason))
        return reply(await on_deal(runtime, asked, command))

    @router.post("/{deal_id}/reject", response_model=Deal)
    async def reject(deal_id: DealId, body: ReasonBody, asked: Manager) -> Response:
        """Refuse the registration; the deal may still be won, unprotected."""
        command = RejectDeal(by=by_of(asked.caller), deal_id=deal_id, personal=why(body.reason))
        return reply(await on_deal(runtime, asked, command))


def _ending(router: APIRouter, runtime: StageRuntime) -> None:
    @router.post("/{deal_id}/win", response_model=Deal)
    async def win(deal_id: DealId, body: WinBody, asked: Anyone) -> Response:
        """Book the deal as won. With the last open deal its lead closes."""
        amount = body.amount.money()
        command = WinDeal(by=by_of(asked.caller), deal_id=deal_id, amount=amount, closed_at=body.closed_at)
        return reply(await on_deal(runtime, asked, command))

    @router.post("/{deal_id}/lose", response_model=Deal)
    async def lose(deal_id: DealId, body: ReasonBody, asked: Anyone) -> Response:
        """Give the deal up. With the last open deal its lead closes."""
        command = LoseDeal(by=by_of(asked.caller), deal_id=deal_id, personal=why(body.reason))
        return reply(await on_deal(runtime, asked, command))

    @router.post("/{deal_id}/amend", response_model=Deal)
    async def amend(deal_id: DealId, body: AmendBody, asked: Manager) -> Response:
        """Set a won deal's total; the difference is booked at `effective_at`, which is not in the future."""
        command = AmendDeal(
            by=by_of(asked.caller),
            deal_id=deal_id,
            amount=body.amount.money(),
            effective_at=body.effective_at,
            personal=why(body.reason),
        )
        return reply(await on_deal(runtime, asked, command))

    @router.post("/{deal_id}/reopen", response_model=Deal)
    async def reopen(deal_id: DealId, body: ReasonBody, asked: Manager) -> Response:
        """Open an ended deal again: what was booked is booked back, and a closed lead is open again."""
        command = ReopenDeal(by=by_of(asked.caller), deal_id=deal_id, personal=why(body.reason))
        return reply(await on_deal(runtime, asked, command))
