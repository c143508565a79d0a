"""How states, mirrors and shared values become bytes: msgpack with one order, so that equal values are equal bytes."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def encode(value: Any) -> bytes:
    """The bytes of a state, mirror or shared value."""
    return _encoder.encode(value)


class Decoding:
    """Decodes values of one type; None stands for the given initial value."""

    def __init__(self, as_type: Any, initial: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(as_type) if as_type is not None else None
        self._initial = initial

    def __call__(self, data: bytes | None) -> Any:
        if data is None or self._decoder is None:
            return self._initial
        return self._decoder.decode(data)
