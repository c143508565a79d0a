"""Records of other releases, read from the log's tail and from far behind it."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import toys
from street import Street, counted, eventually

from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts.codec import _UPCASTERS, every_version, upcaster
from leadway.stage.runtime import ParkingLot, Runtime

HEADERS = {
    "ce_id": b"fact_1",
    "ce_type": b"payment.taken.v1",
    "ce_source": b"till",
    "ce_subject": b"lead_a",
    "ce_time": b"2026-01-01T00:00:00+00:00",
    "ce_cause": b"x",
    "ce_correlation": b"x",
    "ce_actor": b"x",
    "ce_sequence": b"1",
}


@pytest.fixture
def older_version() -> Generator[str]:
    """payment.taken.v0, which an upcaster takes to v1."""
    upcaster("payment.taken.v0", "payment.taken.v1")(lambda data: {"number": data["count"], "colour": "red"})
    yield "payment.taken.v0"
    del _UPCASTERS["payment.taken.v0"]


async def said(street: Street, **changed: bytes) -> None:
    """A record of the till's, as another release wrote it."""
    headers = HEADERS | {f"ce_{name}": value for name, value in changed.items()}
    producer = await street.log.producer("till")
    place = Partition("lead-events", partition_of(b"lead_a", street.log.partitions))
    await producer.append(place, [NewRecord(b"lead_a", b'{"count":1}', headers)])
    await producer.close()


async def reasons(street: Street, tally: Runtime) -> list[str]:
    return [each.reason for each in await ParkingLot(tally.engine, street.log, tally.transactions).list()]


@pytest.mark.parametrize("behind", [True, False])
async def test_an_older_version_is_read_through_its_upcaster_wherever_it_lies(
    street: Street, older_version: str, *, behind: bool
) -> None:
    if behind:  # it is on the log before anybody follows the head, so it is fetched
        await said(street, type=older_version.encode())
    tally = await street.open(toys.TALLY)
    if not behind:
        await said(street, type=older_version.encode())
    await eventually(lambda: counted(tally, 1), seconds=1.5)  # it wakes its reader, as the newest version does
    assert await reasons(street, tally) == []


@pytest.mark.parametrize("behind", [True, False])
async def test_a_version_of_tomorrow_is_parked_and_says_so(street: Street, *, behind: bool) -> None:
    if behind:
        await said(street, type=b"payment.taken.v9")
    tally = await street.open(toys.TALLY)
    if not behind:
        await said(street, type=b"payment.taken.v9")
    assert await eventually(lambda: reasons(street, tally)) == ["payment.taken.v9 is not known to this release"]


async def test_an_instant_before_the_first_year_is_parked(street: Street) -> None:
    tally = await street.open(toys.TALLY)
    await said(street, time=b"0001-01-01T00:00:00+14:00")
    (reason,) = await eventually(lambda: reasons(street, tally))
    assert reason.startswith("the record has no readable envelope")
    assert tally.stopped is None


def test_every_version_follows_upcasters_over_several_steps(older_version: str) -> None:
    upcaster("payment.taken.v00", older_version)(lambda data: data)
    try:
        versions = {"payment.taken.v1", older_version, "payment.taken.v00", "lead.scored.v1"}
        assert every_version(["payment.taken.v1", "lead.scored.v1"]) == versions
    finally:
        del _UPCASTERS["payment.taken.v00"]
