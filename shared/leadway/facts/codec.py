"""Facts to bytes and back: CloudEvents 1.0 in Kafka's binary mode, data as JSON.

The bytes of every version ever shipped stay readable: an older version has an upcaster here, a pure function from its
JSON object to the next version's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from leadway.facts._fact import Fact, fact_type, fact_types
from leadway.facts.envelope import Envelope, Undecodable, Unreadable

Upcaster = Callable[[dict[str, object]], dict[str, object]]

_encoder = msgspec.json.Encoder(order="deterministic")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, bytes] | tuple[tuple[str, bytes], ...]).decode
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


def encode_headers(envelope: Envelope) -> dict[str, bytes]:
    """The envelope as Kafka headers, `ce_` before each CloudEvents attribute; without `ce_sequence` while it is 0."""
    headers = {
        "ce_id": envelope.id.encode(),
        "ce_type": envelope.type.encode(),
        "ce_source": envelope.source.encode(),
        "ce_subject": envelope.subject.encode(),
        "ce_time": _spelled(envelope.time),
        "ce_cause": envelope.cause.encode(),
        "ce_correlation": envelope.correlation.encode(),
        "ce_actor": envelope.actor.encode(),
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
    }
    if envelope.sequence:
        headers["ce_sequence"] = b"%d" % envelope.sequence
    if envelope.traceparent:
        headers["ce_traceparent"] = envelope.traceparent.encode()
    return headers


@lru_cache(maxsize=64)
def _spelled(time: datetime) -> bytes:
    """The facts of a batch share their instant: it is spelled once."""
    return time.isoformat().encode()


def pack_headers(headers: Mapping[str, bytes]) -> bytes:
    """Headers as the outbox keeps them."""
    return _pack(headers)


def unpack_headers(kept: bytes, sequence: int) -> dict[str, bytes]:
    """What `pack_headers` made, with the number that the outbox has in a column of its own.

    Earlier builds kept pairs, and such rows may still wait where one of them ran last.
    """
    return {**dict(_unpack(kept)), "ce_sequence": b"%d" % sequence}


def every_version(names: Collection[str]) -> frozenset[str]:
    """These wire names, and the older ones that upcasters take to one of them."""
    found = set(names)
    while older := {old for old, (new, _) in _UPCASTERS.items() if new in found} - found:
        found |= older
    return frozenset(found)


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
        time = datetime.fromisoformat(headers["ce_time"].decode())
        return Envelope(
            id=headers["ce_id"].decode(),
            type=name,
            source=headers["ce_source"].decode(),
            subject=headers["ce_subject"].decode(),
            time=time if time.tzinfo is UTC else time.astimezone(UTC),
            sequence=int(headers["ce_sequence"]),
            cause=headers["ce_cause"].decode(),
            correlation=headers["ce_correlation"].decode(),
            actor=headers["ce_actor"].decode(),
            traceparent=traceparent.decode() if traceparent else None,
            data=decode_data(name, value),
        )
    except (KeyError, ValueError, OverflowError) as error:  # in UTC an instant may be before the first year
        message = f"the record has no readable envelope: {error}"
        raise Unreadable(message) from None
