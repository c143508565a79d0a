"""`leadway parked`: what could not be handled, and what is to become of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from leadway.cli._console import MISUSED, REFUSED, Failed, Progress, out, program
from leadway.cli._reach import begun, beside, engine_of, opened_log
from leadway.cli._serving import installed
from leadway.eventlog import EventLog
from leadway.hosting import Settings
from leadway.stage import Service
from leadway.stage.runtime import CatalogCache, ParkedRecord, ParkingLot, Place, StillParked, Transactions

_LISTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked record, and whose it is."""

    service: str
    record: ParkedRecord


def list_parked(given: dict[str, Any], service: str | None) -> None:
    """Print what waits, the oldest first."""
    chosen = installed([service] if service else None)

    async def work(settings: Settings, _: Progress) -> list[Waiting]:
        return await waiting_in(settings, chosen)

    found = beside(given, "reading what is parked", work)
    if not found:
        out.print("Nothing is parked.")
        return
    table = Table(box=None, padding=(0, 2))
    for column in ("service", "lead", "fact", "place", "parked at", "why"):
        table.add_column(column, overflow="fold")
    for one in found:
        at = one.record.parked_at.isoformat(timespec="seconds")
        record = one.record
        place = place_text(record.place)
        table.add_row(one.service, record.subject or "—", record.type, place, at, escape(record.reason))
    out.print(table)
    out.print(
        f"\nWhen the cause is gone: [bold]{program()} parked release LEAD[/] (or: all). To give a record up: drop."
    )


def release(given: dict[str, Any], subject: str, service: str | None) -> None:
    """Handle a lead's parked facts in order (`all`: every lead's), then let it go on. Raises Failed."""
    chosen = installed([service] if service else None)

    async def work(settings: Settings, tell: Progress) -> tuple[int, list[str]]:
        return await released(settings, chosen, subject, tell)

    handled, failed = beside(given, "releasing", work)
    out.print(f"{handled} facts were handled.")
    if failed:
        raise Failed("still parked:\n  " + "\n  ".join(failed), "mend the cause, or drop the record", code=REFUSED)
    if not handled and subject != "all":
        raise Failed(f"nothing of {subject} is parked", f"`{program()} parked list` shows what is", code=REFUSED)


def drop(given: dict[str, Any], service: str, place: str) -> None:
    """Give one record up for good; its lead goes on when nothing else of it waits. Raises Failed."""
    (chosen,) = installed([service])
    spot = place_of(place)

    async def work(settings: Settings, _: Progress) -> tuple[str | None, int]:
        return await dropped(settings, chosen, spot)

    try:
        subject, left = beside(given, "dropping", work)
    except LookupError as error:
        raise Failed(str(error.args[0]), f"`{program()} parked list` shows what is") from error
    out.print(f"{place} is given up; a rebuild leaves it out too.")
    if left:
        out.print(f"{left} later facts of {subject} still wait: {program()} parked release {subject}")


async def waiting_in(settings: Settings, services: Sequence[Service]) -> list[Waiting]:
    """What waits in those of the services that have tables here."""
    found: list[Waiting] = []
    for service in await begun(settings, services):
        async with lot_of(settings, service) as lot:
            found += [Waiting(service.name, record) for record in await lot.list()]
    return sorted(found, key=lambda one: one.record.parked_at)


async def released(
    settings: Settings, services: Sequence[Service], subject: str, tell: Callable[[str], None] = lambda _: None
) -> tuple[int, list[str]]:
    """Release a lead (`all`: each) in every service: how many facts were handled, and what is still parked, and why."""
    handled, failed = 0, list[str]()
    for service in await begun(settings, services):
        async with lot_of(settings, service) as lot:
            parked = [one.subject for one in await lot.list(_LISTED_MAX) if one.subject is not None]
            for lead in dict.fromkeys(parked):
                if subject not in {lead, "all"}:
                    continue
                tell(f"{service.name}: {lead}")
                try:
                    handled += await lot.release(lead)
                except StillParked as error:
                    failed.append(f"{service.name}: {error}")
    return handled, failed


async def dropped(settings: Settings, service: Service, place: Place) -> tuple[str | None, int]:
    """Give a record up: its lead, which goes on, unless later facts of it wait: how many do. Raises LookupError."""
    async with lot_of(settings, service) as lot:
        subject = await lot.drop(place)
        left = [one for one in await lot.list(_LISTED_MAX) if subject and one.subject == subject]
        if subject and not left:
            await lot.release(subject)
        return subject, len(left)


@asynccontextmanager
async def lot_of(settings: Settings, service: Service) -> AsyncGenerator[ParkingLot]:
    """A service's parking lot."""
    async with engine_of(settings, service.name) as engine, opened_log(settings) as log:
        yield _lot(engine, log, service)


def _lot(engine: Any, log: EventLog, service: Service) -> ParkingLot:
    transactions = Transactions(engine, service.stage, partitions=log.partitions, cache=CatalogCache())
    return ParkingLot(engine, log, transactions)


def place_text(place: Place) -> str:
    """`topic/partition/offset`."""
    return f"{place.topic}/{place.partition}/{place.offset}"


def place_of(text: str) -> Place:
    """The place that `topic/partition/offset` names. Raises Failed."""
    topic, *numbers = text.split("/")
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):  # noqa: PLR2004 partition and offset
        raise Failed(
            f"{text} is no place", f"topic/partition/offset, as `{program()} parked list` shows it", code=MISUSED
        )
    return Place(topic, int(numbers[0]), int(numbers[1]))
