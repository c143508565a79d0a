"""Google Ads' lead form: answers by column id, the campaign by number, the key inside the body."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from leadway.decider import Fault
from leadway.facts.ingest import SourceMap
from leadway.ingest.policy.kinds._draft import Draft
from leadway.ingest.policy.kinds._json import read_object
from leadway.ingest.policy.kinds._names import mapped, touch_of_form
from leadway.ingest.policy.kinds._texts import is_list, mapping, sequence, text_of
from leadway.ingest.policy.refusals import BadPayload
from leadway.ingest.policy.submission import Reading

_COLUMNS: Final = {
    "FULL_NAME": "full_name",
    "FIRST_NAME": "first_name",
    "LAST_NAME": "last_name",
    "EMAIL": "email",
    "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "WORK_PHONE": "phone",
    "COMPANY_NAME": "company",
    "JOB_TITLE": "fields.job_title",
    "POSTAL_CODE": "postal_code",
    "CITY": "city",
    "REGION": "region",
    "COUNTRY": "country",
    "STREET_ADDRESS": "fields.street_address",
    "INDUSTRY": "industry",
    "COMPANY_SIZE": "employees",
    "PRODUCT": "product",
}
_KEPT: Final = ("form_id", "adgroup_id", "creative_id", "asset_group_id", "gcl_id")


class _Key(msgspec.Struct):
    google_key: str | None = None


def google_key(body: bytes) -> str | None:
    """The key by which the body says that Google sent it; None where it has none.

    Raises UnreadablePayload or BadPayload where there is no object that could have one.
    """
    try:
        return msgspec.json.decode(body, type=_Key).google_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = read_object(body).get("google_key")
        return said if isinstance(said, str) else None


def read_google_ads(body: bytes, *, received_at: datetime, source_map: SourceMap) -> Reading:
    """Read a lead. Its key is `lead_id`; ids may be numbers or text; it says no moment. Raises BadPayload."""
    document = read_object(body)
    lead_id = _id(document.get("lead_id"))
    _check(document, lead_id)
    draft = Draft(mapped(source_map.fields))
    for column in map(mapping, sequence(document["user_column_data"])):
        column_id = text_of(column.get("column_id")).upper()
        asked = text_of(column.get("column_name")) or column_id
        # A question of the advertiser's own is known by its words alone, never taken for a field of ours.
        target = _COLUMNS.get(column_id) or f"fields.{asked}"
        draft.put(column_id if draft.knows(column_id) else asked, column.get("string_value"), target=target)
    draft.code(_id(document.get("campaign_id")))
    for name in _KEPT:
        draft.field(name, document.get(name))
    test = text_of(document.get("is_test")).casefold() == "true"
    return draft.reading(occurred_at=received_at, key=lead_id, kind=touch_of_form(source_map.events), test=test)


def _id(value: object) -> str:
    return "" if isinstance(value, bool | float | list | dict) else text_of(value, 200)


def _check(document: dict[str, object], lead_id: str) -> None:
    columns = document.get("user_column_data")
    faults: list[Fault] = []
    if not lead_id:
        faults.append(Fault("#/lead_id", "is missing: a text or a whole number"))
    if not is_list(columns):
        faults.append(Fault("#/user_column_data", "must be a list of answers"))
    for index, column in enumerate(sequence(columns)):
        if not (text_of(mapping(column).get("column_id")) or text_of(mapping(column).get("column_name"))):
            faults.append(Fault(f"#/user_column_data/{index}", "must have a column_id or a column_name"))
    if faults:
        raise BadPayload("The body is no Google Ads lead.", faults[:50])
