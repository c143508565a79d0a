"""Segment's and RudderStack's calls: a track call is a touch of a person, the other calls are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadway.decider import Fault
from leadway.facts.ingest import SourceMap
from leadway.ingest.policy.kinds._draft import Draft
from leadway.ingest.policy.kinds._json import digest, read_object
from leadway.ingest.policy.kinds._names import mapped
from leadway.ingest.policy.kinds._texts import believable, instant, is_object, mapping, text_of
from leadway.ingest.policy.refusals import BadPayload
from leadway.ingest.policy.submission import Ignored, Reading
from leadway.words import fold, squeezed

OTHER_CALLS: Final = frozenset({"identify", "page", "screen", "group", "alias"})
_KIND_LENGTH_MAX: Final = 100
_EVENTS: Final = {
    "emaillinkclicked": "email.clicked",
    "emailclicked": "email.clicked",
    "emailopened": "email.opened",
    "webinarattended": "event.attended",
    "pageviewed": "page.viewed",
    "whitepaperdownloaded": "content.downloaded",
    "signedup": "account.created",
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def read_segment_track(body: bytes, *, received_at: datetime, source_map: SourceMap) -> Reading:
    """Read a call. Its key is `messageId`. The person is `userId` where that is an address, else `properties.email` or
    the traits' e-mail. Raises BadPayload.
    """
    document = read_object(body)
    call = text_of(document.get("type")).casefold()
    if call in OTHER_CALLS:
        return Ignored(f"a call of type {call}")
    event = text_of(document.get("event"))
    if call != "track" or not event:
        _refuse(call)
    draft = Draft(mapped(source_map.fields))
    properties, context = mapping(document.get("properties")), mapping(document.get("context"))
    _person(draft, document, properties, context)
    campaign = mapping(context.get("campaign"))
    draft.put("utm_campaign", campaign.get("name"), target="utm_campaign")
    for name in ("source", "medium", "term", "content"):
        draft.put(f"utm_{name}", campaign.get(name), target=f"utm_{name}")
    draft.page(mapping(context.get("page")).get("url"))
    occurred_at = instant(document.get("timestamp")) or instant(document.get("originalTimestamp"))
    return draft.reading(
        occurred_at=believable(occurred_at, received_at),
        key=text_of(document.get("messageId"), 200) or digest(body),
        kind=touch_kind(event, source_map.events),
    )


def touch_kind(event: str, events: Mapping[str, str]) -> str:
    """The touch that an event is: by the source's map, else by the words known, else the event's own words with the
    last one for what happened ("Content Downloaded" is content.downloaded, "signup" is event.signup).
    """
    wanted = squeezed(event)
    for name, kind in events.items():
        if squeezed(name) == wanted:
            return kind
    if wanted in _EVENTS:
        return _EVENTS[wanted]
    words = fold(_HUMP.sub(" ", event)).split() or ["tracked"]
    return ("_".join(words[:-1]) or "event")[:_KIND_LENGTH_MAX] + "." + words[-1][:_KIND_LENGTH_MAX]


def _refuse(call: str) -> None:
    pointer, detail = "#/type", "must be track, identify, page, screen, group or alias"
    if call == "track":
        pointer, detail = "#/event", "is missing: a track call names its event"
    raise BadPayload("The body is no call of Segment's.", [Fault(pointer, detail)])


def _person(
    draft: Draft, document: Mapping[str, object], properties: Mapping[str, object], context: Mapping[str, object]
) -> None:
    user = text_of(document.get("userId"))
    if "@" in user:
        draft.put("email", user, target="email")
    for said in (properties, mapping(context.get("traits")), mapping(document.get("traits"))):
        for name, value in said.items():
            if name.casefold() == "company" and is_object(value):
                _company(draft, value)
            elif name.casefold() == "email":
                # A track call's e-mail that differs from userId is an alias, not an answer of a form.
                draft.put(name, value, target="email")
            elif name.casefold() == "name" and said is properties:
                # What the event was about, never the person: theirs is in the traits.
                draft.put(name, value, target="asset")
            else:
                draft.put(name, value)
    draft.field("anonymous_id", document.get("anonymousId"))
    if user and "@" not in user:
        draft.field("user_id", user)


def _company(draft: Draft, company: Mapping[str, object]) -> None:
    draft.put("company", company.get("name"), target="company")
    for name, value in company.items():
        if name != "name":
            draft.put(name if name != "id" else "company_id", value)
