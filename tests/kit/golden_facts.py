"""The golden records: bytes of every fact that was ever shipped, which must decode for ever.

As a script it writes the files of facts that have none yet, and touches no other:

    uv run --no-sync python tests/kit/golden_facts.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from leadway.facts import Fact, fact_types
from leadway.facts.codec import encode_data, encode_headers
from leadway.reference import choices, enveloped, least, sample

FACTS = tuple(cls for cls in fact_types() if cls.__module__.startswith("leadway.facts."))
"""The facts that are shipped: a toy service of the tests may have registered some of its own."""

FOLDER = Path(__file__).parents[1] / "fixtures" / "facts"


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was written once. `reads`: what every field said to the release that wrote it."""

    case: str
    headers: dict[str, str]
    data: str
    reads: dict[str, Any]


def path_of(wire: str) -> Path:
    return FOLDER / f"{wire}.json"


def shipped() -> list[tuple[str, Golden]]:
    """Every golden record, with its file's wire name."""
    found: list[tuple[str, Golden]] = []
    for path in sorted(FOLDER.glob("*.json")):
        records = msgspec.json.decode(path.read_bytes(), type=list[Golden])
        found += [(path.name.removesuffix(".json"), record) for record in records]
    return found


def reading(value: Any) -> Any:
    """A value as plain JSON with every field, those at their defaults too."""
    match value:
        case msgspec.Struct():
            names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
            return {encoded: reading(getattr(value, name)) for encoded, name in names}
        case dict():
            return {str(key): reading(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case tuple() | list():
            return [reading(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return msgspec.to_builtins(value)


def records_of(cls: type[Fact]) -> Iterator[Golden]:
    """The records with which a new fact is shipped."""
    yield _golden("every field", sample(cls))
    yield _golden("only what is required", least(cls))
    for told, fact in choices(cls):
        yield _golden(told, fact)


def _golden(case: str, fact: Fact) -> Golden:
    headers = {name: value.decode() for name, value in encode_headers(enveloped(fact)).items()}
    return Golden(case=case, headers=headers, data=encode_data(fact).decode(), reads=reading(fact))


def write_missing() -> list[str]:
    """Write the records of facts without any; their wire names."""
    written: list[str] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for cls in FACTS:
        if not path_of(cls.wire).exists():
            document = msgspec.json.encode(list(records_of(cls)))
            path_of(cls.wire).write_bytes(msgspec.json.format(document) + b"\n")
            written.append(cls.wire)
    return written


if __name__ == "__main__":
    print("\n".join(write_missing()) or "every fact has its golden records")  # noqa: T201 a script's answer
