"""Vocabularies: our codes for what people say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field

from leadway.decider import Fault, InvalidRequest
from leadway.facts.ingest import (
    VocabularyChanged,
    VocabularyEntry,
)
from leadway.ingest.api import _answers
from leadway.ingest.api._editing import Name, edit
from leadway.ingest.policy.vocabulary import Vocabulary, clashes
from leadway.ingest.store import unmapped
from leadway.stage import StageRuntime
from leadway.web import (
    Asked,
    Caller,
    Command,
    asking,
    etag,
    json_response,
    reply,
    require,
)

_ENTRIES_MAX = 2000


class Entry(Command):
    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
    label: Name
    aliases: list[Name] = Field(default_factory=list, max_length=500)


def vocabulary_routes(router: APIRouter, runtime: StageRuntime) -> None:
    """Reading and replacing vocabularies."""

    @router.get("/vocabularies/{vocabulary}", response_model=_answers.Vocabulary)
    async def one(vocabulary: Literal["product", "industry"], _: Annotated[Caller, require("admin")]) -> Response:
        """A vocabulary, and the sayings that it has no code for yet."""
        entry = (await runtime.catalogs()).get(VocabularyChanged, vocabulary)
        entries = entry.entries if entry else ()
        version = entry.version if entry else 0
        return json_response(
            {
                "entries": msgspec.to_builtins(entries),
                "version": version,
                "unmapped": await unmapped(runtime, vocabulary, Vocabulary(entries)),
            },
            headers={"ETag": etag(version)},
        )

    @router.put("/vocabularies/{vocabulary}", response_model=_answers.VocabularyPut)
    async def put(
        vocabulary: Literal["product", "industry"], body: list[Entry], asked: Annotated[Asked, asking("admin")]
    ) -> Response:
        """Replace a vocabulary. A saying means at most one code."""
        entries = tuple(VocabularyEntry(code=e.code, label=e.label, aliases=tuple(e.aliases)) for e in body)
        _check_entries(entries)

        def change(_: object) -> VocabularyChanged:
            return VocabularyChanged(entity_id=vocabulary, entries=entries)

        def out(fact: VocabularyChanged) -> dict[str, Any]:
            return {"entries": msgspec.to_builtins(fact.entries), "version": fact.version}

        return reply(await runtime.execute(edit(VocabularyChanged, vocabulary, change, asked=asked, out=out)))


def _check_entries(entries: tuple[VocabularyEntry, ...]) -> None:
    faults: list[Fault] = []
    if len(entries) > _ENTRIES_MAX:
        faults.append(Fault("#", f"has more than {_ENTRIES_MAX} entries"))
    for index, alias, other in clashes(entries):
        place = "label" if alias is None else f"aliases/{alias}"
        faults.append(Fault(f"#/{index}/{place}", f"already means {other}"))
    codes = [entry.code for entry in entries]
    faults += [Fault(f"#/{i}/code", "is there twice") for i, code in enumerate(codes) if code in codes[:i]]
    if faults:
        raise InvalidRequest("The vocabulary is not consistent.", faults)
