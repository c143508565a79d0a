"""The stage runtime on a real PostgreSQL and the embedded log: what is decided once stays decided once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toys
from sqlalchemy import text
from street import Street, counted, editing, eventually, everything_sent, log_sequences, same_after_rebuild, taking

from leadway.database import EmbeddedPostgres
from leadway.decider import StaleDocument
from leadway.eventlog import EventLog, NewRecord, Partition, open_log, partition_of
from leadway.processes import free_port
from leadway.stage import (
    Answer,
    IdempotencyKeyReused,
    LeadParked,
    Request,
    Stopped,
    Unacceptable,
)
from leadway.stage.runtime import ParkingLot


async def test_concurrent_requests_and_their_facts_each_take_effect_once(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await asyncio.gather(*(till.execute(taking(number, f"lead_{number % 20}")) for number in range(200)))
    await eventually(lambda: counted(tally, 200))
    turns = await tally.query("SELECT turn FROM turns ORDER BY turn")
    assert [row["turn"] for row in turns] == list(range(1, 201)), "each decision saw those before it, also in its batch"
    sequences = await log_sequences(street.log, "till")
    assert sorted(map(len, sequences)) == sorted(numbers[-1] for numbers in sequences), "dense in every partition"


async def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(street: Street) -> None:
    till = await street.open(toys.TILL)
    together = await asyncio.gather(*(till.execute(taking(1, key="k", body=b"x")) for _ in range(5)))
    later = await till.execute(taking(1, key="k", body=b"x"))
    assert all(answer == later for answer in together)
    with pytest.raises(IdempotencyKeyReused):
        await till.execute(taking(2, key="k", body=b"y"))
    with pytest.raises(toys.AlreadyTaken) as first:
        await till.execute(taking(1, key="refused"))
    with pytest.raises(toys.AlreadyTaken) as again:
        await till.execute(taking(1, key="refused"))
    assert first.value.detail == again.value.detail == "number 1"


async def test_requests_for_which_nobody_waits_share_a_transaction_with_the_next_that_hurries(street: Street) -> None:
    till = await street.open(toys.TILL)
    till.gate.limits = replace(till.gate.limits, gather_seconds=30.0)
    patient: list[asyncio.Task[Answer]] = []
    for number in range(3):
        patient.append(asyncio.create_task(till.execute(replace(taking(number, f"lead_{number}"), patient=True))))
        await asyncio.sleep(0.05)
    assert not any(task.done() for task in patient)
    await asyncio.gather(till.execute(taking(9, "lead_9")), *patient)
    found = await till.query("SELECT DISTINCT CAST(xmin AS text) AS transaction FROM subjects")
    assert len(found) == 1


async def test_a_request_for_which_nobody_waits_is_not_forgotten(street: Street) -> None:
    till = await street.open(toys.TILL)
    assert isinstance(await till.execute(replace(taking(1), patient=True)), Answer)


async def test_one_value_that_the_database_refuses_harms_nobody_else(street: Street) -> None:
    till = await street.open(toys.TILL)
    good = [till.execute(taking(number, f"lead_{number}")) for number in range(20)]
    bad = till.execute(taking(99, "lead_\0"))
    answers = await asyncio.gather(bad, *good, return_exceptions=True)
    assert isinstance(answers[0], Unacceptable)
    assert all(isinstance(answer, Answer) for answer in answers[1:])


async def test_poison_parks_its_lead_and_release_resumes_in_order(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await till.execute(taking(1, text="poison"))
    await till.execute(taking(2))
    await till.execute(taking(3, "lead_b"))
    await eventually(lambda: counted(tally, 1))
    lot = ParkingLot(tally.engine, street.log, tally.transactions)
    waiting = await eventually(lambda: both(lot))
    assert [(each.subject, each.reason.partition(":")[0]) for each in waiting] == [
        ("lead_a", "ValueError at toys.py"),
        ("lead_a", "an earlier fact of this lead is parked"),
    ]
    with pytest.raises(LeadParked):
        await tally.execute(Request(toys.Count(9, "red"), "lead_a", "user:me"))
    await lot.drop(waiting[0].place)
    assert await lot.release("lead_a") == 1
    await eventually(lambda: counted(tally, 2))
    assert await same_after_rebuild(tally)
    await tally.execute(Request(toys.Count(9, "red"), "lead_a", "user:me"))


async def both(lot: ParkingLot) -> Any:
    waiting = await lot.list()
    return waiting if len(waiting) == 2 else None


async def test_a_rebuild_gives_the_same_hashes_and_a_changed_row_does_not(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await asyncio.gather(*(till.execute(taking(n, f"lead_{n % 7}", colour=f"c{n % 3}")) for n in range(60)))
    await till.execute(editing("red", "Red"))
    await eventually(lambda: counted(tally, 60))
    assert await same_after_rebuild(tally)
    assert await same_after_rebuild(till)
    async with tally.engine.begin() as connection:
        await connection.execute(text("UPDATE turns SET turn = turn + 1 WHERE colour = '5'"))
    with pytest.raises(AssertionError):
        await same_after_rebuild(tally)


async def test_catalog_entries_have_versions_and_reach_other_services(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    assert (await till.execute(editing("red", "Red"))).body == 1
    assert (await till.execute(editing("red", "Red"))).body == 1, "an unchanged document is no new version"
    assert (await till.execute(editing("red", "Rouge", if_match=1))).body == 2
    with pytest.raises(StaleDocument):
        await till.execute(editing("red", "Rot", if_match=1))

    async def arrived() -> bool:
        entry = (await tally.catalogs()).get(toys.ColourChanged, "red")
        return entry is not None and entry.name == "Rouge"

    await eventually(arrived)


async def test_two_instances_share_the_work_and_one_takes_over(street: Street) -> None:
    till = await street.open(toys.TILL)
    first = await street.open(toys.TALLY, "1", lease_seconds=1.0)
    second = await street.open(toys.TALLY, "2", lease_seconds=1.0)
    for number in range(40):
        await till.execute(taking(number, f"lead_{number}"))
    await eventually(lambda: counted(first, 40))
    await first.close()
    for number in range(40, 60):
        await till.execute(taking(number, f"lead_{number}"))
    await eventually(lambda: counted(second, 60))
    turns = await second.query("SELECT turn FROM turns ORDER BY turn")
    assert [row["turn"] for row in turns] == list(range(1, 61))
    await eventually(lambda: everything_sent(second))
    assert await same_after_rebuild(second)


async def test_a_forged_sequence_stops_the_consumer_and_passes_no_mark(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await till.execute(taking(1))
    await eventually(lambda: counted(tally, 1))
    partition = Partition("lead-events", partition_of(b"lead_a", street.log.partitions))
    await forge(street.log, partition, source="till", sequence=9_000_000)

    async def stopped() -> bool:
        return tally.stopped is not None

    await eventually(stopped)
    assert "goes from 1 to 9000000" in str(tally.stopped)
    with pytest.raises(Stopped):
        await tally.execute(Request(toys.Count(9, "red"), "lead_a", "user:me"))


async def forge(log: EventLog, partition: Partition, *, source: str, sequence: int) -> None:
    headers = {
        "ce_id": b"fact_forged",
        "ce_type": b"payment.taken.v1",
        "ce_source": source.encode(),
        "ce_subject": b"lead_a",
        "ce_time": b"2026-01-01T00:00:00+00:00",
        "ce_sequence": b"%d" % sequence,
        "ce_cause": b"x",
        "ce_correlation": b"x",
        "ce_actor": b"x",
    }
    producer = await log.producer(source)
    await producer.append(partition, [NewRecord(b"lead_a", b'{"number":7,"colour":"red"}', headers)])
    await producer.close()


async def test_a_record_without_an_envelope_is_parked_by_its_place_and_the_partition_goes_on(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    partition = Partition("lead-events", partition_of(b"lead_a", street.log.partitions))
    producer = await street.log.producer("stranger")
    await producer.append(partition, [NewRecord(b"?", b"{}", {"ce_type": b"payment.taken.v1"})])
    await producer.close()
    await forge(street.log, partition, source="stranger", sequence=1)
    await till.execute(taking(1))
    await eventually(lambda: counted(tally, 1))
    waiting = await ParkingLot(tally.engine, street.log, tally.transactions).list()
    assert [each.subject for each in waiting] == [None, None]
    assert "stranger" in waiting[1].reason


async def test_a_database_older_than_the_log_does_not_start(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(1))
    await eventually(lambda: everything_sent(till))
    await till.close()
    async with till.engine.begin() as connection:  # what a restored backup from before that fact looks like
        for table in ("counters", "sent", "outbox"):
            await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 our own three names
    older = await street.open(toys.TILL, "2", start=False)
    with pytest.raises(Stopped, match="older than the log"):
        await older.start()


async def test_a_log_that_lost_what_was_sent_does_not_start(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(1))
    await eventually(lambda: everything_sent(till))
    await till.close()
    async with till.engine.begin() as connection:  # what was sent last is said to lie where something else lies now
        await connection.execute(text("UPDATE sent SET id = 'fact_other' WHERE sequence > 0"))
    again = await street.open(toys.TILL, "2", start=False)
    with pytest.raises(Stopped, match="lost data"):
        await again.start()


async def test_a_database_that_goes_back_in_time_under_a_running_service_stops_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", port=free_port(), durable=False)
    async with AsyncExitStack() as stack:
        stack.callback(server.destroy)
        server.start()
        url = server.tcp_url  # its socket would lie elsewhere after the restart
        log = open_log(database_url=url, partitions=4)
        await log.start()
        stack.push_async_callback(log.close)
        till = await Street(url, log, stack).open(toys.TILL)
        await till.execute(taking(1))
        await eventually(lambda: everything_sent(till))
        async with till.engine.begin() as connection:
            for table in ("counters", "sent", "outbox"):
                await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 our own three names
        server.stop()
        server.start()
        with pytest.raises(Stopped):
            await till.execute(taking(2))

        async def says_why() -> bool:
            return "older than the log" in str(till.stopped)

        await eventually(says_why)


async def test_a_fact_too_large_for_the_log_is_refused_before_it_is_decided(street: Street) -> None:
    till = await street.open(toys.TILL)
    with pytest.raises(Unacceptable, match="bytes long"):
        await till.execute(taking(1, text="x" * 800_000))
    assert (await till.execute(taking(1))).status == 201
