"""A deployment's data folder: what is in it, and the settings that follow from it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from leadway.cli._console import MISUSED, Failed
from leadway.hosting import Settings

EMBEDDED = "embedded"
MAKE_KEY = "such as by `python3 -c 'import secrets; print(secrets.token_hex(32))'`"
"""How somebody makes a deployment key."""


class Kept(msgspec.Struct, frozen=True):
    """deployment.json: what the folder's deployment was begun with, and where it is reached."""

    database: str = EMBEDDED
    """`embedded`, or `external`; its address is in database.url."""
    log: str = "postgresql"
    """`postgresql`, `kafka embedded` or `kafka`."""
    kafka: str | None = None
    partitions: int = 8
    topic_prefix: str = ""
    base_url: str | None = None
    pid: int | None = None


class Place:
    """The files of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir
        self.key = data_dir / "deployment.key"
        self.admin_token = data_dir / "admin.token"
        self.postgres = data_dir / "postgres"
        self.kafka = data_dir / "kafka"
        self.lock = data_dir / "lock"
        self._database_url = data_dir / "database.url"
        self._deployment = data_dir / "deployment.json"

    def log(self, name: str) -> Path:
        """The structured log of a process."""
        return self.folder / "logs" / f"{name}.log"

    @property
    def database_url(self) -> str | None:
        """The database's address, where it is known."""
        with suppress(FileNotFoundError):
            return self._database_url.read_text("utf-8").strip() or None
        return None

    def keep_database_url(self, url: str | None) -> None:
        """Write the address down for our own user's eyes; None: there is none any more."""
        if url is None:
            self._database_url.unlink(missing_ok=True)
        else:
            write_private(self._database_url, url + "\n")

    @property
    def kept(self) -> Kept | None:
        """What deployment.json says; None where there is none. Raises Failed where it cannot be read."""
        try:
            return msgspec.json.decode(self._deployment.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise Failed(f"{self._deployment} cannot be read: {error}") from error

    def keep(self, kept: Kept) -> None:
        """Write deployment.json."""
        write_private(self._deployment, msgspec.json.format(msgspec.json.encode(kept)).decode() + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only our own user may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    staging.replace(path)


def flags(**given: Any) -> dict[str, Any]:
    """The flags that were given."""
    return {name: value for name, value in given.items() if value is not None}


def begun_by_up(settings: Settings) -> bool:
    """Whether the deployment is what `up` runs over the data folder, and not a process for each service elsewhere."""
    kept = Place(settings.data_dir).kept
    return kept is not None and settings.base_url in {None, kept.base_url}


def own_settings(**given: Any) -> Settings:
    """The settings as flags and LEADWAY_ variables say. Raises Failed naming what is wrong."""
    try:
        own = Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        where = f"--{name.replace('_', '-')}" if name in given else f"LEADWAY_{name.upper()}"
        told = first["msg"].removeprefix("Value error, ")
        remedy = f"make one once, {MAKE_KEY}; keep it, and give it to every process" if name == "deployment_key" else ""
        raise Failed(f"{where}: {told[0].lower()}{told[1:]}", remedy, code=MISUSED) from error
    if own.database_url is not None and not _is_postgres(own.database_url):
        where = "--database" if "database_url" in given else "LEADWAY_DATABASE_URL"
        raise Failed(f"{where}: no address of PostgreSQL", "postgresql://LOGIN:PASSWORD@HOST/DATABASE", code=MISUSED)
    return own


def _is_postgres(address: str) -> bool:
    try:
        return make_url(address).get_backend_name() in {"postgresql", "postgres"}
    except ArgumentError:
        return False


def settings_of(**given: Any) -> Settings:
    """The settings as flags and LEADWAY_ variables say; what they leave open, the data folder's deployment says."""
    own = own_settings(**given)
    place = Place(own.data_dir)
    kept = place.kept
    found: dict[str, Any] = {"database_url": place.database_url}
    if kept is not None:
        found |= {
            "kafka": kept.kafka,
            "partitions": kept.partitions,
            "topic_prefix": kept.topic_prefix,
            "base_url": kept.base_url,
        }
    open_still = {
        name: value for name, value in found.items() if value is not None and name not in own.model_fields_set
    }
    return own_settings(**given, **open_still)
