"""The part of a service's README that follows from its code: what it hears, is asked, says and keeps."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leadway.facts import CATALOG_EVENTS, Fact, fact_types
from leadway.hosting import migrations_of, service_names
from leadway.reference._asyncapi import sentence
from leadway.reference._samples import enveloped, variations
from leadway.stage import Service, Stage, View

_TABLE_MADE = re.compile(r"((?:^ *# .*\n)*)(?: *op\.execute\(.*\n)?.*?CREATE TABLE (\w+)", re.MULTILINE)
_BELOW = "<!-- Below: written by `leadway docs`"
_MARK = f"{_BELOW} from the code; `make verify` fails where it says something else. -->"
_METHODS = ("get", "post", "put", "patch", "delete")


def readme(service: Service, openapi: dict[str, Any], written: str | None) -> str:
    """The README of a service, as Markdown: what people wrote above the mark stays, the rest follows from the code.

    `written`: the file as it is, None where there is none.
    """
    head, _, _ = (written or _head(service)).partition(_BELOW)
    parts = (
        head.rstrip(),
        _MARK,
        *_facts_in(service.stage),
        *_asked(service, openapi),
        *_facts_out(service),
        *_tables(service),
    )
    return "\n\n".join(parts) + "\n"


def _head(service: Service) -> str:
    package = importlib.import_module(service.package)
    return f"# {service.name}\n\n{inspect.cleandoc(package.__doc__ or '')}"


def _facts_in(stage: Stage) -> Iterator[str]:
    yield "## Facts in"
    if not stage.foreign:
        yield "None."
        return
    grouped: dict[tuple[str, str], list[str]] = {}
    heard = [cls for cls in stage.foreign if cls.source in service_names()]
    for cls in sorted(heard, key=lambda cls: (cls.topic == CATALOG_EVENTS, cls.source, cls.wire)):
        grouped.setdefault((cls.source, _meaning(stage, cls)), []).append(f"`{cls.wire}`")
    rows = ((source, ", ".join(wires), meaning) for (source, meaning), wires in grouped.items())
    yield _table(("From", "Facts", "What they ask for"), rows)


def _meaning(stage: Stage, cls: type[Fact]) -> str:
    if cls.topic == CATALOG_EVENTS:
        return "nothing: a copy is kept"
    commands = {type(command).__name__ for fact in variations(cls) if (command := _command(stage, fact)) is not None}
    if commands:
        return " or ".join(f"`{name}`" for name in sorted(commands))
    return "nothing: what they say is kept with the lead"


def _command(stage: Stage, fact: Fact) -> object | None:
    return stage.translate(enveloped(fact)) if stage.translate is not None else None


def _asked(service: Service, openapi: dict[str, Any]) -> Iterator[str]:
    yield "## Commands and questions over HTTP"
    yield _table(("Route", "For", "What it does"), _routes(openapi))
    path = f"docs/openapi/{service.name}.json"
    yield f"All of it, with bodies and answers: [{path}](../../{path})."


def _routes(openapi: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for path, methods in openapi["paths"].items():
        for method in _METHODS:
            if method in methods:
                route = methods[method]
                roles = sorted(
                    {role for each in route.get("security", ()) for names in each.values() for role in names}
                )
                told, _, _ = route.get("description", "").partition("\n\n")
                yield f"`{method.upper()} {path}`", ", ".join(roles) or "no token", " ".join(told.split())


def _facts_out(service: Service) -> Iterator[str]:
    yield "## Facts out"
    said = [cls for cls in fact_types() if cls.source == service.name]
    if not said:
        yield "None."
        return
    ordered = sorted(said, key=lambda cls: cls.topic == CATALOG_EVENTS)
    yield _table(("Fact", "What it means"), ((f"`{cls.wire}`", sentence(cls)) for cls in ordered))


def _tables(service: Service) -> Iterator[str]:
    stage = service.stage
    yield "## Tables"
    yield _kit_tables(stage)
    if stage.views:
        yield "Views, each a pure function of one lead, kept equal to it by the runtime and made again by a rebuild:"
        yield _table(("Table", "Of", "Columns"), (_view(view) for view in stage.views))
    kept = list(_kept(migrations_of(service)))
    if kept:
        yield "Kept: not on the log, so that a rebuild leaves them as they are:"
        yield _table(("Table", "What it holds"), kept)


def _kit_tables(stage: Stage) -> str:
    held = [
        "its state (the fold of this service's facts)" if stage.leads else "",
        "what others said of it (the mirror)" if stage.mirror else "",
    ]
    spans = [
        "`shared_keys` (what spans leads)" if stage.shared else "",
        "`identity_keys` (how a submission finds its lead)" if stage.identity else "",
        "`timers`" if stage.on_timer else "",
        "`catalogs` (its own and copies of others')",
    ]
    subjects = f"`subjects` holds for each lead {' and '.join(filter(None, held))}. " if any(held) else ""
    return f"{subjects}Beside it: {', '.join(filter(None, spans))}, and the runtime's own tables, the same everywhere."


def _view(view: View) -> tuple[str, str, str]:
    return f"`{view.table}`", view.of, ", ".join(f"`{name}`" for name in ("subject", *view.columns))


def _kept(folder: Path | None) -> Iterator[tuple[str, str]]:
    if folder is None:
        return
    for path in sorted(folder.glob("*.py")):
        text = path.read_text("utf-8")
        module, _, _ = text.lstrip('"').partition('"""') if text.startswith('"""') else ("", "", "")
        for comment, table in _TABLE_MADE.findall(text):
            told = " ".join(line.strip().removeprefix("# ") for line in comment.splitlines())
            yield f"`{table}`", told or " ".join(module.split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
