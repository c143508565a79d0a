"""What was written to the log once is read for ever, and means what it meant."""

from __future__ import annotations

from typing import Any

import pytest
from golden_facts import FACTS, Golden, path_of, reading, shipped

from leadway.facts import Fact, Undecodable
from leadway.facts.codec import decode, encode_data, encode_headers, known

SHIPPED = shipped()


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_every_fact_has_golden_records(cls: type[Fact]) -> None:
    assert path_of(cls.wire).exists(), (
        f"{cls.wire} is new and has no golden record. Look at the fact once more: its bytes are to be read for ever. "
        "Then run `uv run --no-sync python tests/kit/golden_facts.py` and commit the file that it writes."
    )


@pytest.mark.parametrize(
    ("wire", "golden"), SHIPPED, ids=[f"{wire}-{golden.case}".replace(" ", "_") for wire, golden in SHIPPED]
)
def test_golden_records_are_read_as_ever(wire: str, golden: Golden) -> None:
    complaint = (
        f"{wire} ({golden.case}) no longer reads as it did. Facts of this name are on logs and stay there: make the "
        "change an optional field, or a new version of the fact with an upcaster from this one. Never edit the record."
    )
    assert known(wire), complaint
    headers = {name: value.encode() for name, value in golden.headers.items()}
    try:
        envelope = decode(headers, golden.data.encode())
    except Undecodable as error:
        pytest.fail(f"{complaint}\n{error}")
    if envelope.data.wire != wire:
        return  # an upcaster took it to a newer version, whose own tests say what it means now
    lost = missing(golden.reads, reading(envelope.data))
    assert not lost, f"{complaint}\nIt read {lost}."
    assert encode_data(envelope.data).decode() == golden.data, complaint
    assert {name: value.decode() for name, value in encode_headers(envelope).items()} == golden.headers, complaint


def missing(then: Any, now: Any, path: str = "") -> list[str]:
    """Where `now` does not say what `then` said; what it says beyond that is growth."""
    match then, now:
        case dict(), dict():
            return [
                told
                for name, value in then.items()  # pyright: ignore[reportUnknownVariableType]
                for told in missing(value, now.get(name), f"{path}/{name}")  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            ]
        case list(), list() if len(then) == len(now):  # pyright: ignore[reportUnknownArgumentType]
            return [
                told
                for index, (one, other) in enumerate(zip(then, now, strict=True))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                for told in missing(one, other, f"{path}/{index}")
            ]
        case _:
            return [] if then == now else [f"{path}: {then!r} (now {now!r})"]


def test_a_lost_field_is_seen_and_a_new_one_is_not() -> None:
    then = {"lead_id": "lead_1", "amount": {"minor": 5}, "keys": [{"n": 1}]}
    assert missing(then, {**then, "note_count": 3}) == []
    assert missing(then, {"lead_id": "lead_1", "amount": {"minor": 5}}) == ["/keys: [{'n': 1}] (now None)"]
    assert missing(then, {**then, "keys": [{"n": 2}]}) == ["/keys/0/n: 1 (now 2)"]
