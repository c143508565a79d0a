"""What commands need from outside their lead: the caller's seat, ids, the pipeline, and whom a registration meets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, cast

from leadway.dealreg.decider.commands import (
    AnswerFirstContact,
    ApproveDeal,
    Asked,
    BringDeal,
    ChangeStage,
    Command,
    Holder,
    LogActivity,
    OnDeal,
    OpenOpportunity,
    RegisterDeal,
    ReopenDeal,
)
from leadway.dealreg.decider.deals import claim_of, opportunity_of
from leadway.dealreg.decider.state import Closed, Deal, State, deal_of
from leadway.dealreg.policy.companies import match_of
from leadway.dealreg.policy.conflict import Claims, HeldLead, collision, keys_of, turns_of
from leadway.dealreg.store._catalogs import cam_of, product_term, protection, stages
from leadway.dealreg.store._mirror import Held, LeadSeen
from leadway.dealreg.store._seats import origin_of, seat_at_deal, seat_of
from leadway.facts.dealreg import Claim, CompanyMatch
from leadway.facts.terms import Company
from leadway.stage import Around
from leadway.words import term_key

HELD_LEADS_MAX: Final = 100
_HELD: Final = """
    SELECT subject, partner_id, domain, name, country, product FROM known_leads
    WHERE partner_id <> :partner_id AND (domain = :domain OR name = :name) ORDER BY subject LIMIT :most
"""
_COMPANY: Final = """
    SELECT company_id FROM known_leads WHERE domain = :domain AND company_id IS NOT NULL ORDER BY subject LIMIT 1
"""


def subjects(command: Command, _: Mapping[str, Any]) -> Iterable[str]:
    """Both leads that a deal which is brought may end up on."""
    if isinstance(command, BringDeal):
        return (command.own_lead_id, *((command.linked_lead_id,) if command.linked_lead_id else ()))
    return ()


def shared_keys(command: Command, around: Around) -> Iterable[str]:
    """The keys of the company that a registration is about."""
    if isinstance(command, OnDeal):
        deal = deal_of(cast("State", around.state), command.deal_id)
        turned = (turn.key for turn in deal.turns) if deal else ()
        return {*keys_of(deal.match if deal else None), *turned}
    return keys_of(_match(command, around))


def lookups(command: Command, around: Around) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Other partners' leads of that company, and by which id ingest knows it."""
    match = _match(command, around)
    if match is None or not isinstance(command, RegisterDeal | BringDeal):
        return {}
    params = {"partner_id": command.by.partner_id or "", "domain": match.domain, "name": match.name}
    return {"held": (_HELD, {**params, "most": HELD_LEADS_MAX}), "company": (_COMPANY, {"domain": match.domain})}


def complete(command: Command, around: Around) -> tuple[str, Command]:
    """The command with all that decide needs."""
    seen = cast("LeadSeen", around.mirror)
    if isinstance(command, AnswerFirstContact):
        holder = seen.holder
        current = isinstance(holder, Held) and holder.assignment_id == command.assignment_id
        return around.subject, replace(command, current=current)
    if isinstance(command, BringDeal):
        return _brought(command, around)
    if isinstance(command, OnDeal):
        seat = seat_at_deal(command, seen, around.state, partial(cam_of, around.catalogs))
    else:
        seat = seat_of(command.by, seen, around.state, partial(cam_of, around.catalogs))
    seated = replace(command, seat=seat, lead_id=around.subject, now=around.now)
    return around.subject, _completed(seated, around)


def _completed(command: Asked, around: Around) -> Command:
    match command:
        case LogActivity():
            return replace(command, activity_id=around.id("act"))
        case ChangeStage():
            pipeline = stages(around.catalogs)
            return replace(command, known=pipeline.stages, stages_version=pipeline.version)
        case OpenOpportunity():
            product = product_term(around.catalogs, command.product)
            return replace(command, opportunity_id=around.id("opp"), product=product)
        case RegisterDeal():
            return _of_the_lead(command, around)
        case ApproveDeal() | ReopenDeal():
            return _contested(command, around)
        case _:
            return cast("Command", command)


def _contested(command: ApproveDeal | ReopenDeal, around: Around) -> ApproveDeal | ReopenDeal:
    if isinstance(command, ApproveDeal):
        rule = protection(around.catalogs)
        within = timedelta(seconds=rule.protect_for_seconds)
        command = replace(command, protection=within, protection_version=rule.version)
    deal = deal_of(cast("State", around.state), command.deal_id)
    claim = claim_of(deal, None) if deal else None
    if deal is None or claim is None:
        return command
    under = _claims(claim.match, around)
    rival = collision(claim, (claims for _, claims in under), (), around.now, deal_id=deal.deal_id)
    return replace(command, rival=rival, turns=turns_of(under))


def _of_the_lead(command: RegisterDeal, around: Around) -> RegisterDeal:
    seen = cast("LeadSeen", around.mirror)
    state = cast("State", around.state)
    opportunity = opportunity_of(state.work, command)
    said = command.product or (opportunity.product if opportunity else None) or seen.product
    known = replace(
        command,
        company=_company(around),
        product=product_term(around.catalogs, said),
        origin=origin_of(seen, state.work),
    )
    return _registration(known, around)


def _brought(command: BringDeal, around: Around) -> tuple[str, RegisterDeal]:
    """On the partner's own open lead, if it still is that; else on a lead of its own."""
    seen = cast("LeadSeen", around.mirror)
    register = RegisterDeal(
        by=command.by,
        now=around.now,
        amount=command.amount,
        company=command.company,
        product=product_term(around.catalogs, command.product),
        lines=command.lines,
        personal=command.personal,
    )
    state = cast("State", around.state)
    seat = seat_of(command.by, seen, state, partial(cam_of, around.catalogs))
    on_linked = around.subject == command.linked_lead_id and isinstance(seat, Holder) and not isinstance(state, Closed)
    if on_linked:
        origin = origin_of(seen, state.work)
        linked = replace(register, seat=seat, lead_id=around.subject, linked=True, origin=origin)
        return around.subject, _registration(linked, around)
    own = Holder(command.by.partner_id or "", None)
    register = replace(register, seat=own, lead_id=command.own_lead_id, originated=True, origin="partner")
    return command.own_lead_id, _registration(register, around)


def _registration(command: RegisterDeal, around: Around) -> RegisterDeal:
    seen = cast("LeadSeen", around.mirror)
    match = match_of(command.company)
    found = around.looked_up("company")
    company_id = str(found[0]["company_id"]) if found else None
    command = replace(command, deal_id=around.id("deal"), match=match, company_id=company_id)
    if not command.originated:
        command = replace(
            command,
            person_id=seen.person_id,
            company_id=seen.company_id or company_id,
            campaign_id=seen.campaign_id,
        )
    if match is None:
        return command
    partner_id = command.seat.partner_id if isinstance(command.seat, Holder) else ""
    claim = Claim(partner_id=partner_id, match=match, product=term_key(command.product))
    under = _claims(match, around)
    met = collision(claim, (claims for _, claims in under), _held(around), around.now)
    # The vendor's own deal keeps no partner out.
    return replace(command, collision=met, claim=claim if partner_id else None, turns=turns_of(under))


def _claims(match: CompanyMatch, around: Around) -> list[tuple[str, Claims]]:
    return [(key, cast("Claims", around.shared(key))) for key in keys_of(match)]


def _held(around: Around) -> Iterable[HeldLead]:
    return [
        HeldLead(
            lead_id=row["subject"],
            partner_id=row["partner_id"],
            match=CompanyMatch(domain=row["domain"], name=row["name"], country=row["country"]),
            product=row["product"],
        )
        for row in around.looked_up("held")
    ]


def _match(command: Command, around: Around) -> CompanyMatch | None:
    match command:
        case BringDeal():
            return match_of(command.company)
        case RegisterDeal():
            return match_of(_company(around))
        case _:
            return None


def _company(around: Around) -> Company:
    """The lead's company: as ingest knows it, or, on a lead that a partner brought, as that partner said."""
    seen = cast("LeadSeen", around.mirror)
    state = cast("State", around.state)
    brought: Deal | None = next((deal for deal in state.work.deals if deal.originated), None)
    return brought.company if brought and not seen.captured else seen.company
