"""The check at each term's start: do this database and this log still belong together?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from leadway.eventlog import EventLog, Partition, Record
from leadway.stage import _sql
from leadway.stage._refusals import Stopped


async def check_term(service: str, engine: AsyncEngine, log: EventLog) -> dict[Partition, int]:
    """The sequence sent last for each partition. Raises Stopped where the log lost what was sent, or where it holds own
    facts that the database does not know.
    """
    async with engine.connect() as connection:
        sent = {Partition(row.topic, row.partition): row for row in (await connection.execute(_sql.SENT)).all()}
    # Marks before heads before counters: while other instances work, what lies below the head was marked after it was
    # sent, and counted before.
    heads = await log.heads()
    floors = await log.floors()
    async with engine.connect() as connection:
        rows = (await connection.execute(_sql.COUNTERS)).all()
    counters = {Partition(row.topic, row.partition): int(row.sequence) for row in rows}
    scanned: dict[Partition, int] = {}
    for partition, head in heads.items():
        mark = sent.get(partition)
        start = floors[partition]
        if mark is not None and mark.sequence > 0:
            await _check_mark(service, log, partition, mark, head)
            start = max(start, mark.offset)
        if mark is not None:
            start = max(start, min(mark.scanned, head))
        await _check_rest(service, log, partition, (start, head), counters.get(partition, 0))
        scanned[partition] = head
    order = sorted(scanned)
    columns = {"topics": [p.topic for p in order], "partitions": [p.number for p in order]}
    async with engine.begin() as connection:
        await connection.execute(_sql.SAVE_SCANNED, columns | {"scanned": [scanned[p] for p in order]})
    return {partition: row.sequence for partition, row in sent.items()}


async def _check_mark(service: str, log: EventLog, partition: Partition, mark: Row[Any], head: int) -> None:
    found: Record | None = None
    if mark.offset < head:
        async for records in log.read(partition, mark.offset, mark.offset + 1, batch=1):
            found = records[0] if records else None
            break
    if found is None or found.headers.get("ce_id") != mark.id.encode():
        raise Stopped(
            f"{service}: fact {mark.sequence} of {partition.topic}/{partition.number} went to {mark.offset}, and is "
            "not there: the log lost data or is another one. Restore the log; nothing is sent until then."
        )


async def _check_rest(service: str, log: EventLog, partition: Partition, span: tuple[int, int], counter: int) -> None:
    own = service.encode()
    async for records in log.read(partition, *span):
        for record in records:
            if record.headers.get("ce_source") != own:
                continue
            sequence = int(record.headers.get("ce_sequence", b"0"))
            if sequence > counter:
                raise Stopped(
                    f"{service}: the log holds its fact {sequence} of {partition.topic}/{partition.number}, its "
                    f"database counts {counter}: the database is older than the log. Bring a newer copy, or rebuild it."
                )
