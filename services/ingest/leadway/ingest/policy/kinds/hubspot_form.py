"""HubSpot's form submission (version 3 of its API): a list of named fields, the page, the legal consent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadway.decider import Fault
from leadway.facts.ingest import SourceMap
from leadway.ingest.policy.kinds._draft import Draft
from leadway.ingest.policy.kinds._json import digest, read_object
from leadway.ingest.policy.kinds._names import mapped, touch_of_form
from leadway.ingest.policy.kinds._texts import believable, instant, is_list, mapping, sequence, text_of
from leadway.ingest.policy.refusals import BadPayload
from leadway.ingest.policy.submission import Reading

_COMPANY: Final = "0-2"
# Names that mean something else on a company than on a person.
_OF_COMPANY: Final = {"name": "company", "phone": "fields.company_phone"}


def read_hubspot_form(body: bytes, *, received_at: datetime, source_map: SourceMap) -> Reading:
    """Read a submission. The same one sent again has the same key: it follows from the body, which holds the moment
    (`submittedAt`) and the visitor (`hutk`); without a moment, from the body and the day. Raises BadPayload.

    `consentToProcess` becomes the purpose processing. A communication becomes partner_sharing where its text speaks of
    partners, else marketing; the source's map may say which (`subscription:999` → `consent.partner_sharing`).
    """
    document = read_object(body)
    _check(document)
    draft = Draft(mapped(source_map.fields))
    fields = [mapping(each) for each in sequence(document.get("fields"))]
    # The company's own record goes before what the person's says of it.
    for field in sorted(fields, key=lambda each: text_of(each.get("objectTypeId")) != _COMPANY):
        name = text_of(field.get("name")).rpartition("/")[2]
        of_company = text_of(field.get("objectTypeId")) == _COMPANY
        draft.put(name, field.get("value"), target=_OF_COMPANY.get(name) if of_company else None)
    context = mapping(document.get("context"))
    draft.code(context.get("sfdcCampaignId"))
    draft.page(context.get("pageUri"))
    draft.field("page_name", context.get("pageName"))
    _consent(draft, mapping(document.get("legalConsentOptions")))
    submitted_at = instant(document.get("submittedAt"))
    day = b"" if submitted_at else received_at.date().isoformat().encode()
    return draft.reading(
        occurred_at=believable(submitted_at, received_at),
        key=digest(body, day),
        kind=touch_of_form(source_map.events),
    )


def _check(document: dict[str, object]) -> None:
    fields = document.get("fields")
    faults: list[Fault] = []
    if not is_list(fields):
        faults.append(Fault("#/fields", "must be a list of fields, each with name and value"))
    faults.extend(
        Fault(f"#/fields/{index}/name", "is missing: a field has a name and a value")
        for index, field in enumerate(sequence(fields))
        if not text_of(mapping(field).get("name"))
    )
    faults.extend(
        Fault(f"#/{name}", "must be an object")
        for name in ("context", "legalConsentOptions")
        if document.get(name) is not None and not isinstance(document[name], dict)
    )
    if faults:
        raise BadPayload("The body is no HubSpot form submission.", faults[:50])


def _consent(draft: Draft, options: Mapping[str, object]) -> None:
    consent = mapping(options.get("consent"))
    if isinstance(consent.get("consentToProcess"), bool):
        draft.consent("processing", granted=consent["consentToProcess"] is True, text=consent.get("text"))
    for each in map(mapping, sequence(consent.get("communications"))):
        draft.subscription(each.get("subscriptionTypeId"), granted=each.get("value") is True, text=each.get("text"))
    interest = mapping(options.get("legitimateInterest"))
    if isinstance(interest.get("value"), bool):
        granted = interest["value"] is True
        draft.consent("processing", granted=granted, text=interest.get("text"))
        draft.subscription(interest.get("subscriptionTypeId"), granted=granted, text=interest.get("text"))
