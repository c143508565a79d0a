"""Looking at what was captured, and at what is held."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from leadway.companies import company_domain
from leadway.decider import Fault, InvalidRequest, NotFound
from leadway.facts.ingest import SourceChanged
from leadway.facts.personal import SubmissionDetails, unseal
from leadway.ingest.api._answers import FoundLead, HeldSubmission, Lead
from leadway.ingest.decider import Interest
from leadway.ingest.store import find_leads, list_held
from leadway.stage import StageRuntime
from leadway.web import (
    Caller,
    Page,
    PageParams,
    check_sees_every_lead,
    json_response,
    page_params,
    page_response,
    require,
)


def read_routes(runtime: StageRuntime, digest_of: Callable[[str], str | None]) -> APIRouter:
    """The read routes. `digest_of` gives the identity digest of an e-mail as said; None where it is none."""
    router = APIRouter(prefix="/ingest/v1", tags=["leads"])

    @router.get("/leads/{lead_id}", response_model=Lead)
    async def one(lead_id: str, caller: Annotated[Caller, require("admin", "cam")]) -> Response:
        """A lead as it was captured, with what later touches added; not for a cam of scope `assigned`."""
        check_sees_every_lead(caller)
        state, _mirror = await runtime.lead(lead_id)
        if not isinstance(state, Interest):
            raise NotFound(f"There is no lead {lead_id}.")
        return json_response(lead_out(state))

    @router.get("/leads", response_model=Page[FoundLead])
    async def every(
        page: Annotated[PageParams, Depends(page_params)],
        caller: Annotated[Caller, require("admin", "cam")],
        email: Annotated[str | None, Query(max_length=320)] = None,
        domain: Annotated[str | None, Query(max_length=253)] = None,
    ) -> Response:
        """Leads of a person (by e-mail) or of a company (by domain); not for a cam of scope `assigned`."""
        check_sees_every_lead(caller)
        digest, registrable = _sought(email, domain, digest_of)
        rows = await find_leads(
            runtime, email_digest=digest, domain=registrable, after=page.starting_after or "", limit=page.fetch
        )
        return page_response(page.page([dict(row) for row in rows]))

    @router.get("/sources/{source_id}/held", response_model=Page[HeldSubmission])
    async def held(
        source_id: str, page: Annotated[PageParams, Depends(page_params)], _: Annotated[Caller, require("admin")]
    ) -> Response:
        """Submissions that are kept though no lead can be made of them, with what was sent."""
        if (await runtime.catalogs()).get(SourceChanged, source_id) is None:
            raise NotFound(f"There is no source {source_id[:60]}.")
        rows = await list_held(runtime, source_id=source_id, after=page.starting_after or "", limit=page.fetch)
        return page_response(page.page([held_out(dict(row)) for row in rows]))

    return router


def _sought(
    email: str | None, domain: str | None, digest_of: Callable[[str], str | None]
) -> tuple[str | None, str | None]:
    """By which digest and which registrable domain leads are to be found."""
    if email is None and domain is None:
        raise InvalidRequest("Name an e-mail or a domain.", [Fault("query:email", "or `domain` must be given")])
    digest = digest_of(email) if email is not None else None
    if email is not None and digest is None:
        raise InvalidRequest("Nobody can be found by that.", [Fault("query:email", "is no e-mail address")])
    registrable = company_domain(domain) if domain is not None else None
    if domain is not None and registrable is None:
        raise InvalidRequest("No company can be found by that.", [Fault("query:domain", "is no company's domain")])
    return digest, registrable


def lead_out(state: Interest) -> dict[str, Any]:
    """A captured lead as the API shows it."""
    details = unseal(state.personal, SubmissionDetails) or SubmissionDetails()
    return {
        "lead_id": state.lead_id,
        "person_id": state.person_id,
        "company_id": state.company_id,
        "person": msgspec.to_builtins(details.person),
        "company": msgspec.to_builtins(state.company),
        "product": msgspec.to_builtins(state.product),
        "origin": state.origin,
        "brought_by": state.brought_by,
        "source_id": state.source_id,
        "previous_lead_id": state.previous_lead_id,
        "consent": msgspec.to_builtins(state.consent),
        "fields": details.fields,
        "captured_at": state.captured_at,
        "last_touched_at": state.touched_at,
        "touches": state.touches,
        "state": "closed" if state.closed else "open",
    }


def held_out(row: dict[str, Any]) -> dict[str, Any]:
    """A held submission: its body as text where it is text, else in base64."""
    body: bytes = row.pop("body")
    try:
        return {**row, "body": body.decode()}
    except UnicodeDecodeError:
        return {**row, "body_base64": base64.b64encode(body).decode()}
