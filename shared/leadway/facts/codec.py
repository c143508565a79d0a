"""Facts to bytes and back: CloudEvents 1.0 in Kafka's binary mode, data as JSON.

The bytes of every version ever shipped stay readable: an older version has an upcaster here, a pure function from its
JSON object to the next version's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from leadway.facts._fact import Fact, fact_type, fact_types
from leadway.facts.envelope import Envelope, Undecodable, Unreadable

Upcaster = Callable[[dict[str, object]], dict[str, object]]

_CONTENT_TYPE = ("content-type", b"application/json")
_SEQUENCE_PLACE = 5
_SPEC = ("ce_specversion", b"1.0")
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[type[Fact], msgspec.json.Decoder[Fact]] = {}
_UPCASTERS: dict[str, tuple[str, Upcaster]] = {}


def upcaster(old: str, new: str) -> Callable[[Upcaster], Upcaster]:
    """Register how the data of wire name `old` becomes that of `new`."""

    def register(function: Upcaster) -> Upcaster:
        _UPCASTERS[old] = (new, function)
        return function

    return register


def encode_data(fact: Fact) -> bytes:
    """The fact's JSON; equal facts give equal bytes."""
    return _encoder.encode(fact)


def encode_headers(envelope: Envelope) -> tuple[tuple[str, bytes], ...]:
    """The envelope as Kafka headers, `ce_` before each CloudEvents attribute."""
    headers = [
        ("ce_id", envelope.id.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_subject", envelope.subject.encode()),
        ("ce_time", envelope.time.isoformat().encode()),
        ("ce_sequence", b"%d" % envelope.sequence),
        ("ce_cause", envelope.cause.encode()),
        ("ce_correlation", envelope.correlation.encode()),
        ("ce_actor", envelope.actor.encode()),
        _SPEC,
        _CONTENT_TYPE,
    ]
    if envelope.traceparent:
        headers.append(("ce_traceparent", envelope.traceparent.encode()))
    return tuple(headers)


def numbered(headers: tuple[tuple[str, bytes], ...], sequence: int) -> tuple[tuple[str, bytes], ...]:
    """Headers of `encode_headers` with another sequence."""
    return (*headers[:_SEQUENCE_PLACE], ("ce_sequence", b"%d" % sequence), *headers[_SEQUENCE_PLACE + 1 :])


def known(name: str) -> bool:
    """Whether this release decodes that wire name (itself or through an upcaster)."""
    return fact_type(name) is not None or name in _UPCASTERS


def known_in_another_version(name: str) -> bool:
    """Whether only the version is unknown: `lead.captured.v9` is to be parked, `party.thrown.v1` to be skipped."""
    stem = name.rpartition(".v")[0]
    return not known(name) and any(cls.wire.rpartition(".v")[0] == stem for cls in fact_types())


def decode_data(name: str, value: bytes) -> Fact:
    """The fact behind a wire name. Raises Undecodable with what is wrong, never with the data itself."""
    cls = fact_type(name)
    try:
        if cls is None:
            return _upcast(name, value)
        decoder = _decoders.get(cls)
        if decoder is None:
            decoder = _decoders.setdefault(cls, msgspec.json.Decoder(cls))
        return decoder.decode(value)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        message = f"{name}: {error}"
        raise Undecodable(message) from None
    except (UnicodeDecodeError, RecursionError) as error:
        message = f"{name}: {'not UTF-8' if isinstance(error, UnicodeDecodeError) else 'nested too deep'}"
        raise Undecodable(message) from None


def _upcast(name: str, value: bytes) -> Fact:
    data = msgspec.json.decode(value, type=dict[str, object])
    seen = {name}
    while fact_type(name) is None:
        if name not in _UPCASTERS:
            message = f"{name} is not known to this release"
            raise Undecodable(message)
        name, function = _UPCASTERS[name]
        if name in seen:
            message = f"the upcasters of {name} go in a circle"
            raise Undecodable(message)
        seen.add(name)
        try:
            data = function(data)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            message = f"the data cannot be taken to {name}: {type(error).__name__}"
            raise Undecodable(message) from None
    cls = fact_type(name)
    assert cls is not None  # noqa: S101 the loop ended on a registered class
    return msgspec.convert(data, cls)


def decode(headers: Mapping[str, bytes], value: bytes) -> Envelope:
    """A record's envelope and fact. Raises Unreadable or Undecodable."""
    try:
        name = headers["ce_type"].decode()
        traceparent = headers.get("ce_traceparent")
        envelope = {
            "id": headers["ce_id"].decode(),
            "source": headers["ce_source"].decode(),
            "subject": headers["ce_subject"].decode(),
            "sequence": int(headers["ce_sequence"]),
            "cause": headers["ce_cause"].decode(),
            "correlation": headers["ce_correlation"].decode(),
            "actor": headers["ce_actor"].decode(),
        }
        time = datetime.fromisoformat(headers["ce_time"].decode()).astimezone(UTC)
    except (KeyError, ValueError) as error:
        message = f"the record has no readable envelope: {error}"
        raise Unreadable(message) from None
    return Envelope(
        type=name,
        time=time,
        data=decode_data(name, value),
        traceparent=traceparent.decode() if traceparent else None,
        **envelope,  # type: ignore[arg-type]
    )
