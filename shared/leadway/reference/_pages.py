"""Every generated file of the repository, and whether it still says what the code says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leadway.hosting import Settings, services
from leadway.reference._apps import openapi
from leadway.reference._asyncapi import asyncapi
from leadway.reference._readmes import readme


def pages(folder: Path) -> Mapping[str, str]:
    """What each generated file of the checkout in `folder` is to hold, by its path there."""
    found: dict[str, str] = {}
    installed = services()
    for service in installed:
        document = openapi(service)
        found[f"docs/openapi/{service.name}.json"] = _json(document)
        path = f"services/{service.name}/README.md"
        found[path] = readme(service, document, _read(folder / path))
    found["docs/asyncapi.json"] = _json(asyncapi(installed, version("leadway")))
    found["docs/settings.md"] = settings_page()
    return found


def is_repository(folder: Path) -> bool:
    """Whether the folder is a checkout of Leadway, as the generated files' paths expect it."""
    return (folder / "shared" / "leadway" / "facts").is_dir() and (folder / "services").is_dir()


def differing(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """The files that are missing or say something else."""
    return [path for path, text in sorted(wanted.items()) if _read(folder / path) != text]


def write(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Write what differs; the paths written."""
    changed = differing(folder, wanted)
    for path in changed:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[path], "utf-8")
    return changed


def settings_page() -> str:
    """The settings as Markdown."""
    lines = [
        "# Settings",
        "",
        "<!-- Written by `leadway docs` from the code; `make verify` fails where it says something else. -->",
        "",
        "Each is an environment variable; every process of a deployment is given the same ones.",
        "",
        "| Variable | Default | What it is |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {None, ""} else f"`{field.default}`"
        lines.append(f"| `LEADWAY_{name.upper()}` | {default} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
