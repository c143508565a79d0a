"""Numbering a batch's facts, dense for each partition, on their way into the outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from leadway.eventlog import Headers, NewRecord, Partition, partition_of
from leadway.facts import Envelope
from leadway.facts.codec import encode_headers, numbered
from leadway.stage import _sql
from leadway.stage._direct import Executes
from leadway.stage._inputs import Stamped
from leadway.stage._trouble import Surroundings
from leadway.stage._writes import Writes

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...])


def headers_of(kept: bytes, sequence: int) -> Headers:
    """The headers of a row of the outbox: they are kept without their number, which the row has of its own."""
    return numbered(_decoder.decode(kept), sequence)


class Stamping:
    """Numbers facts with the counters of a stage's database."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: set[Partition] = set()  # counters that are there: seen in a transaction that was committed
        self._fresh: set[Partition] = set()

    async def stamp(
        self, connection: Executes, writes: Writes, facts: Sequence[Envelope], encoded: Mapping[str, bytes]
    ) -> list[Stamped]:
        """Number the facts and send all writes with them: the transaction's last step, as counters are locked last."""
        if not facts:
            await writes.send(connection)
            return []
        places = [Partition(fact.data.topic, partition_of(fact.subject.encode(), self._partitions)) for fact in facts]
        headers = [encode_headers(fact) for fact in facts]
        counts: Counter[Partition] = Counter()
        nths: list[int] = []
        for place in places:
            counts[place] += 1
            nths.append(counts[place])
        touched = sorted(counts)
        await self._add_unknown(connection, touched)
        spots = {"topics": [each.topic for each in touched], "partitions": [each.number for each in touched]}
        writes.add("counted", _sql.COUNT, {**spots, "counts": [counts[each] for each in touched]})
        outgoing: dict[str, list[Any]] = {
            "topics": [place.topic for place in places],
            "partitions": [place.number for place in places],
            "nths": nths,
            "keys": [fact.subject for fact in facts],
            "headers": [_encoder.encode(each) for each in headers],
            "values": [encoded[fact.id] for fact in facts],
        }
        writes.add("outgoing", _sql.OUT.format(counted="counted"), outgoing)
        sent = await writes.send(connection, "SELECT topic, partition, base FROM counted")
        bases = {Partition(row.topic, row.partition): row.base for row in sent or ()}
        if len(bases) < len(touched):  # another database than the one whose counters were seen
            self.forget()
            raise Surroundings("the counters are not those of before")
        return [
            _stamped(place, bases[place] + nth, fact, each, encoded[fact.id])
            for place, nth, fact, each in zip(places, nths, facts, headers, strict=True)
        ]

    async def _add_unknown(self, connection: Executes, touched: Sequence[Partition]) -> None:
        unknown = [each for each in touched if each not in self._known]
        if unknown:
            spots = {"topics": [each.topic for each in unknown], "partitions": [each.number for each in unknown]}
            await connection.execute(_sql.ADD_COUNTERS, spots)
            self._fresh.update(unknown)

    def committed(self) -> None:
        """What was put there stays: no counter is put there twice."""
        self._known |= self._fresh
        self._fresh.clear()

    def forget(self) -> None:
        """Take no counter for known any more (another database may be behind the same address)."""
        self._known.clear()
        self._fresh.clear()


def _stamped(place: Partition, sequence: int, fact: Envelope, headers: Headers, value: bytes) -> Stamped:
    record = NewRecord(fact.subject.encode(), value, numbered(headers, sequence))
    return Stamped(place, sequence, fact.id, fact.subject, record)
