"""The documents of which there is one: the demo's lines go before what was there, and are taken out afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from leadway.cli.demo._api import Caller, Json

OURS = "demo:"
"""How the names of the demo's own lines begin, so that those of a run that was killed are known and dropped."""

RULES = "/router/v1/rules"
POLICIES = "/sla-timer/v1/policies"
MODEL = "/scoring/v1/model"

_NOT_FOUND = 404
_STALE = 412
_NO_RULES: Json = {"account": "follow", "rules": [], "otherwise": {"retain": {"queue": "unmatched"}}}


@dataclass(frozen=True, slots=True)
class Changed:
    """A document that the demo changed: as it was, and the version that is ours."""

    path: str
    before: Json
    etag: str


async def put_before(admin: Caller, path: str, lines: Json) -> Changed:
    """Put the demo's `lines` (list by list) before those of the document. Raises Failed."""
    held = await admin.attempt("GET", path)
    before: Json = dict(_NO_RULES) if held.status == _NOT_FOUND else _without_ours(held.body)
    merged = {**before, **{name: [*added, *before.get(name, [])] for name, added in lines.items()}}
    put = await admin.ask("PUT", path, merged)
    return Changed(path, before, put.headers["etag"])


async def put_back(admin: Caller, changed: Changed) -> bool:
    """Put the document back as it was; False where somebody else changed it meanwhile: then it is left as it is."""
    headers = {"If-Match": changed.etag}
    answered = await admin.attempt("PUT", changed.path, changed.before, headers=headers)
    return answered.status != _STALE


async def merge_vocabulary(admin: Caller, vocabulary: str, wanted: list[Json]) -> list[str]:
    """Have the vocabulary know what is wanted; entries that are there already are used and learn the new sayings.

    Returns the code of each wanted entry. Raises Failed.
    """
    path = f"/ingest/v1/vocabularies/{vocabulary}"
    held = (await admin.get(path))["entries"]
    entries: list[Json] = [
        {"code": each["code"], "label": each["label"], "aliases": list(each.get("aliases", []))} for each in held
    ]
    known: dict[str, Json] = {saying.casefold(): entry for entry in entries for saying in _sayings(entry)}
    codes: list[str] = []
    changed = False
    for entry in wanted:
        found = next((known[said.casefold()] for said in _sayings(entry) if said.casefold() in known), None)
        if found is None:
            found = _bare(entry)
            entries.append(found)
            changed = True
        missing = [said for said in entry["aliases"] if said.casefold() not in known]
        found["aliases"] += missing
        changed = changed or bool(missing)
        codes.append(found["code"])
    if changed:
        await admin.ask("PUT", path, entries)
    return codes


def _bare(entry: Json) -> Json:
    return {"code": entry["code"], "label": entry["label"], "aliases": []}


def _sayings(entry: Json) -> list[str]:
    return [entry["code"], entry["label"], *entry["aliases"]]


def _without_ours(document: Json) -> Json:
    kept: Json = {}
    for name, value in document.items():
        if isinstance(value, list):
            kept[name] = [line for line in cast("list[Json]", value) if not _is_ours(line)]
        elif name != "version":
            kept[name] = value
    return kept


def _is_ours(line: Json) -> bool:
    return any(str(line.get(name, "")).startswith(OURS) for name in ("name", "label", "reason"))
