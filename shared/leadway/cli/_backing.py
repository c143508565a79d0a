"""What the services stand on: PostgreSQL, and Kafka where it is the log; embedded ones are started here."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import msgspec

from leadway.cli._console import MISUSED, Failed
from leadway.cli._place import EMBEDDED, Kept, Place, own_settings, settings_of
from leadway.database import DatabaseFailed, EmbeddedPostgres, NoPostgres
from leadway.eventlog.broker import EmbeddedKafka, KafkaFailed, KafkaMissing, KafkaUnfetched
from leadway.hosting import Settings

_OTHER_S_MAX = 60.0
_LOGS = {"postgresql": "in PostgreSQL", "kafka embedded": "on the embedded Kafka", "kafka": "on a Kafka cluster"}


class AlreadyRunning(Failed):
    """Another `leadway up` runs over the same data folder."""


def choose(given: dict[str, Any]) -> tuple[Settings, Kept]:
    """What `up` is to run on: as the data folder was begun, or, in a new one, as the flags and variables say.

    Raises Failed where they contradict the folder: facts do not move from one log to another.
    """
    own = own_settings(**given)
    kept = Place(own.data_dir).kept
    database = "external" if own.database_url else EMBEDDED
    log = {None: "postgresql", EMBEDDED: "kafka embedded"}.get(own.kafka, "kafka")
    if kept is None:
        return own, Kept(database, log, own.kafka, own.partitions, own.topic_prefix)
    if "kafka" in own.model_fields_set and log != kept.log:
        told = f"this data folder's log is {_LOGS[kept.log]}, and facts do not move from one log to another"
        raise Failed(told, "leave --kafka out, or use another --data-dir", code=MISUSED)
    if "database_url" in own.model_fields_set and database != kept.database:
        told = "this data folder was begun on its embedded database, and data do not move by themselves"
        raise Failed(told, "leave --database out, or use another --data-dir", code=MISUSED)
    if "partitions" in own.model_fields_set and own.partitions != kept.partitions:
        told = f"this data folder's log has {kept.partitions} partitions, which is fixed once it is made"
        raise Failed(told, "leave LEADWAY_PARTITIONS out, or use another --data-dir", code=MISUSED)
    if kept.log == "kafka embedded":
        given = {**given, "kafka": EMBEDDED}
    return settings_of(**{"base_url": own.base_url, **given}), kept


@contextmanager
def backing(settings: Settings, kept: Kept, tell: Callable[[str], None]) -> Generator[Settings]:
    """Start the embedded servers that are to be ours, for as long as the context lasts; give the settings with their
    addresses. Call it in the main thread, with the folder `taken`. Raises Failed.
    """
    place = Place(settings.data_dir)
    with ExitStack() as stack:
        url = settings.database_url
        if kept.database == EMBEDDED:
            first = "" if place.postgres.exists() else ", for the first time"
            tell(f"starting PostgreSQL{first}")
            url = _started(stack, EmbeddedPostgres(place.postgres))
        assert url is not None  # noqa: S101 an external database is there by its address only
        place.keep_database_url(url)
        stack.callback(_forget, place, kept)
        kafka = settings.kafka
        if kept.log == "kafka embedded":
            first = "" if place.kafka.exists() else ", for the first time: half a minute"
            tell(f"starting Kafka{first}")
            kafka = _started(stack, EmbeddedKafka(place.kafka))
        place.keep(msgspec.structs.replace(kept, kafka=kafka, partitions=settings.partitions))
        yield settings.model_copy(update={"database_url": url, "kafka": kafka})


def _forget(place: Place, kept: Kept) -> None:
    """An embedded server's address is gone with it; so is another's, where nothing was begun on it."""
    if kept.database == EMBEDDED or place.kept is None:
        place.keep_database_url(None)


@contextmanager
def reached(settings: Settings, tell: Callable[[str], None]) -> Generator[Settings]:
    """The database and the log of a deployment, whether it runs or not: embedded servers that nobody runs at the
    moment are started for as long as the context lasts. Raises Failed.
    """
    place = Place(settings.data_dir)
    kept = place.kept
    if kept is None or kept.database != EMBEDDED or "database_url" in own_settings().model_fields_set:
        if settings.database_url is None:
            raise Failed(
                f"{place.folder} holds no deployment",
                "name it by --data-dir, or set LEADWAY_DATABASE_URL",
                code=MISUSED,
            )
        yield settings
        return
    deadline = time.monotonic() + _OTHER_S_MAX
    while True:
        try:
            with (
                taken(place),
                backing(settings.model_copy(update={"database_url": None}), kept, tell) as ours,
            ):
                yield ours
                return
        except AlreadyRunning:
            url = place.database_url
            if url is not None:
                kafka = (place.kept or kept).kafka
                yield settings.model_copy(update={"database_url": url, "kafka": kafka})
                return
            if time.monotonic() > deadline:
                raise
        tell("waiting until the database has started")
        time.sleep(0.2)


@contextmanager
def taken(place: Place) -> Generator[None]:
    """Have the folder to ourselves for as long as the context lasts. Raises AlreadyRunning, Failed."""
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        lock = place.lock.open("a")
    except OSError as error:
        raise Failed(
            f"{place.folder} cannot be used: {error.strerror}", "use another --data-dir", code=MISUSED
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = ""
            with suppress(Failed):
                kept = place.kept
                where = f" at {kept.base_url}" if kept and kept.base_url else ""
            raise AlreadyRunning(
                f"a leadway process runs over {place.folder} already{where}", "stop it, or use another --data-dir"
            ) from None
        yield


def _started(stack: ExitStack, server: EmbeddedPostgres | EmbeddedKafka) -> str:
    try:
        address = server.start()
    except KafkaMissing as error:
        raise Failed(str(error), code=MISUSED) from error
    except NoPostgres as error:
        raise Failed(str(error), "give an address with --database", code=MISUSED) from error
    except KafkaUnfetched as error:
        raise Failed(
            str(error), "see to the network and start again, or name a cluster's address by --kafka"
        ) from error
    except (DatabaseFailed, KafkaFailed) as error:
        raise Failed(str(error), f"its whole log: {server.log}" if server.log.exists() else "") from error
    stack.callback(server.stop)
    return address
