"""Personal data inside facts: one opaque field, with its own codec.

Everything that names, describes or was typed by a person is sealed here and nowhere else, so that encrypting it or
erasing it later is a change of this module and not of the facts.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

P = TypeVar("P", bound="PersonalData")


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Opaque personal data. `key` names the key that it is encrypted with; None: it is not encrypted."""

    data: bytes
    key: str | None = None


class PersonalData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be sealed."""


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prospect. `email` is normalised; `phone` is E.164 where it could be read, else as said."""

    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


class SubmissionDetails(PersonalData, frozen=True, kw_only=True, omit_defaults=True):
    """The personal side of lead.captured and lead.touched."""

    person: Person | None = None
    email_digest: str | None = None  # keyed digest of the normalised e-mail: identity, never outside of `personal`
    submission_digest: str | None = None  # keyed digest of the submission's dedupe key
    url: str | None = None
    asset: str | None = None  # as said; the coded asset is in the touch
    fields: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    consent_texts: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    received_at: datetime | None = None


class Note(PersonalData, frozen=True, kw_only=True, omit_defaults=True):
    """Free text: an activity's note, a reason, the name of a deal or an opportunity."""

    text: str | None = None
    name: str | None = None
    company_name: str | None = None


_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[type, msgspec.json.Decoder[object]] = {}


def seal(value: PersonalData) -> Sealed:
    """Seal a value; equal values give equal bytes."""
    return Sealed(data=_encoder.encode(value))


def unseal(sealed: Sealed | None, as_type: type[P]) -> P | None:
    """Open what `seal` made; None where nothing is there or its key is not at hand (an erased person)."""
    if sealed is None or sealed.key is not None:
        return None
    decoder = _decoders.get(as_type)
    if decoder is None:
        decoder = _decoders.setdefault(as_type, msgspec.json.Decoder(as_type))
    return decoder.decode(sealed.data)  # type: ignore[return-value]
