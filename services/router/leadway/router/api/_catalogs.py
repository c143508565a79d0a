"""Routes about partners and rules: documents with versions, edited with ETag and If-Match."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from msgspec.structs import replace

from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.facts.ingest import SourceChanged, VocabularyChanged
from leadway.facts.router import CompanySize, PartnerChanged, RulesChanged
from leadway.ids import draw
from leadway.router.api._answers import Partner, Rules
from leadway.router.api._models import NewPartner, PartnerChange, RulesDocument
from leadway.router.api._views import Json, partner_view, present
from leadway.router.policy.asking import ANYTHING, known
from leadway.router.policy.eligibility import territory_fault
from leadway.router.policy.rules import BadRules, read_rules
from leadway.router.store import RULES_ID, network
from leadway.stage import Answer, Catalogs, Decided, Edit, Request, StageRuntime
from leadway.web import (
    Asked,
    Caller,
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

PREFIX = "/router/v1"
CATALOG_WAIT_SECONDS = 1.5
_POLL_SECONDS = 0.1

PartnerId = Annotated[str, Path(pattern=r"^ptr_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
Paging = Annotated[PageParams, Depends(page_params)]


def catalog_routes(runtime: StageRuntime) -> APIRouter:
    """What admins keep up to date."""
    routes = APIRouter(prefix=PREFIX, tags=["partners and rules"])
    _partner_edits(routes, runtime)
    _partner_reads(routes, runtime)
    _rules(routes, runtime)
    return routes


def _partner_edits(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.post("/partners", status_code=201, response_model=Partner)
    async def add_partner(body: NewPartner, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Add a partner."""
        await _check_names(runtime, body)
        partner_id = draw("ptr")
        fresh = PartnerChanged(entity_id=partner_id, name=body.name, tier=body.tier)

        def add(_: PartnerChanged | None) -> PartnerChanged:
            return _changed(fresh, body)

        return await _edited(runtime, asked, partner_id, Edit(PartnerChanged, add), _partner_answer(201), fresh=True)

    @routes.patch("/partners/{partner_id}", response_model=Partner)
    async def change_partner(
        partner_id: PartnerId, body: PartnerChange, asked: Annotated[Asked, asking("admin")]
    ) -> Response:
        """Change what is named; the rest stays. `If-Match` guards against undoing somebody else's change."""
        await _check_names(runtime, body, partner_id)

        def change(held: PartnerChanged | None) -> PartnerChanged:
            if held is None:
                raise NotFound("There is no such partner.")
            return _changed(held, body)

        return await _edited(
            runtime, asked, partner_id, Edit(PartnerChanged, change, asked.if_match), _partner_answer(200)
        )


def _partner_reads(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.get("/partners", response_model=Page[Partner])
    async def list_partners(caller: Annotated[Caller, require("admin", "cam", "partner")], paging: Paging) -> Response:
        """Partners by id; a cam with scope `assigned` sees its own, a partner itself."""
        after = paging.starting_after or ""
        partners = (await runtime.catalogs()).all(PartnerChanged)
        seen = sorted(p.entity_id for p in partners.values() if p.entity_id > after and _may_see(caller, p))
        return page_response(paging.page([partner_view(partners[each]) for each in seen[: paging.fetch]]))

    @routes.get("/partners/{partner_id}", response_model=Partner)
    async def get_partner(
        partner_id: PartnerId, caller: Annotated[Caller, require("admin", "cam", "partner")]
    ) -> Response:
        """A partner as it stands."""
        partner = (await runtime.catalogs()).get(PartnerChanged, partner_id)
        if partner is None or not _may_see(caller, partner):
            raise NotFound("There is no such partner.")
        return json_response(partner_view(partner), headers={"ETag": etag(partner.version)})


def _rules(routes: APIRouter, runtime: StageRuntime) -> None:
    @routes.get("/rules", response_model=Rules)
    async def get_rules(caller: Annotated[Caller, require("admin", "cam")]) -> Response:  # noqa: ARG001 for its roles
        """The rules in force."""
        rules = (await runtime.catalogs()).get(RulesChanged, RULES_ID)
        if rules is None:
            raise NotFound("No rules have been put yet.")
        return json_response(_rules_view(rules), headers={"ETag": etag(rules.version)})

    @routes.put("/rules", response_model=Rules)
    async def put_rules(body: RulesDocument, asked: Annotated[Asked, asking("admin")]) -> Response:
        """Put new rules in force, checked whole; leads that were routed stay where they are."""
        document = present(body.model_dump())
        await _check_rules(runtime, document)

        def change(_: RulesChanged | None) -> RulesChanged:
            return RulesChanged(entity_id=RULES_ID, document=document)

        def answer(decided: Decided) -> Answer:
            rules: RulesChanged = decided.state
            return Answer(200, _rules_view(rules), {"ETag": etag(rules.version)})

        return await _edited(runtime, asked, RULES_ID, Edit(RulesChanged, change, asked.if_match), answer)


async def _edited(
    runtime: StageRuntime,
    asked: Asked,
    entity_id: str,
    edit: Edit,
    respond: Callable[[Decided], Answer],
    *,
    fresh: bool = False,
) -> Response:
    answer = await runtime.execute(
        Request(
            command=edit,
            subject=entity_id,
            actor=asked.caller.actor,
            respond=respond,
            idempotency=asked.idempotency,
            traceparent=asked.traceparent,
            fresh=fresh,
        )
    )
    return reply(answer)


def _partner_answer(status: int) -> Callable[[Decided], Answer]:
    def answer(decided: Decided) -> Answer:
        partner: PartnerChanged = decided.state
        return Answer(status, partner_view(partner), {"ETag": etag(partner.version)})

    return answer


def _rules_view(rules: RulesChanged) -> dict[str, object]:
    return rules.document  # as it was put, so that what is read may be put back; its version is the ETag


def _may_see(caller: Caller, partner: PartnerChanged) -> bool:
    return caller.may_see_partner(partner.entity_id, partner.cam)


def _changed(partner: PartnerChanged, body: NewPartner | PartnerChange) -> PartnerChanged:
    """The partner with every field that the body names."""
    named = body.model_fields_set
    changes: dict[str, Any] = {
        name: getattr(body, name)
        for name in ("name", "status", "type", "tier", "weight", "parent_id", "cam")
        if name in named
    }
    for name in ("territories", "industries", "products", "certifications"):
        if name in named:
            changes[name] = tuple(dict.fromkeys(getattr(body, name)))
    if "capacity" in named and body.capacity is not None:
        changes["open_leads_max"] = body.capacity.open_leads
    if "company_size" in named and (size := body.company_size) is not None:
        empty = size.min is None and size.max is None
        changes["company_size"] = None if empty else CompanySize(size.min, size.max)
    return replace(partner, **changes)


async def _check_names(runtime: StageRuntime, body: NewPartner | PartnerChange, partner_id: str | None = None) -> None:
    faults = _partner_faults(await runtime.catalogs(), body, partner_id)
    deadline = asyncio.get_running_loop().time() + CATALOG_WAIT_SECONDS
    # A code that ingest published a moment ago may not be here yet; what is wrong in itself is said at once.
    while faults and all("code" in fault.detail for fault in faults) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        faults = _partner_faults(await runtime.catalogs(), body, partner_id)
    if faults:
        raise InvalidRequest("The partner was not taken over.", faults)


def _partner_faults(catalogs: Catalogs, body: NewPartner | PartnerChange, partner_id: str | None) -> list[Fault]:
    faults = [
        Fault(f"#/territories/{i}", wrong)
        for i, name in enumerate(body.territories)
        if (wrong := territory_fault(name))
    ]
    for name, said in (("industry", body.industries), ("product", body.products)):
        codes = codes_of(catalogs, name)
        field = "industries" if name == "industry" else "products"
        if codes is not None:
            faults += [
                Fault(f"#/{field}/{i}", f"is no known {name} code") for i, code in enumerate(said) if code not in codes
            ]
    size = body.company_size
    if size is not None and size.min is not None and size.max is not None and size.min > size.max:
        faults.append(Fault("#/company_size/min", "is above max"))
    parent = body.parent_id
    if parent is not None and (parent == partner_id or catalogs.get(PartnerChanged, parent) is None):
        faults.append(Fault("#/parent_id", "there is no such other partner"))
    return faults


async def _check_rules(runtime: StageRuntime, document: Json) -> None:
    deadline = asyncio.get_running_loop().time() + CATALOG_WAIT_SECONDS
    while True:
        bad = read_faults(await runtime.catalogs(), document)
        if bad is None:
            return
        # A name that ingest published a moment ago may not be here yet; what is wrong in itself is said at once.
        own = read_faults(await runtime.catalogs(), document, lenient=True)
        if own is not None and len(own.errors) == len(bad.errors):
            raise bad
        if asyncio.get_running_loop().time() >= deadline:
            raise bad
        await asyncio.sleep(_POLL_SECONDS)


def read_faults(catalogs: Catalogs, document: Json, *, lenient: bool = False) -> BadRules | None:
    """What is wrong with rules as things stand; `lenient`: whatever they name of other services' is taken as known."""
    around = network(catalogs)
    may_name = known(
        around.campaigns,
        industries=codes_of(catalogs, "industry"),
        products=codes_of(catalogs, "product"),
        sources=tuple(catalogs.all(SourceChanged)) or None,
    )
    try:
        read_rules(
            document,
            partners=around.partners,
            known=ANYTHING if lenient else may_name,
            knows_partner=lambda partner_id: around.partners.get(partner_id) is not None,
        )
    except BadRules as bad:
        return bad
    return None


def codes_of(catalogs: Catalogs, vocabulary: str) -> frozenset[str] | None:
    """The codes of a vocabulary; None where there is none yet."""
    entry = catalogs.get(VocabularyChanged, vocabulary)
    return None if entry is None else frozenset(each.code for each in entry.entries)
