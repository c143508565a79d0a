"""Numbering a batch's facts, dense for each partition, on their way into the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadway.eventlog import NewRecord, Partition, partition_of
from leadway.facts import Envelope
from leadway.facts.codec import encode_headers, pack_headers
from leadway.stage import _sql
from leadway.stage._direct import Executes
from leadway.stage._inputs import Stamped
from leadway.stage._trouble import Surroundings
from leadway.stage._writes import Writes


class Stamping:
    """Numbers facts with the counters of a stage's database."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: set[Partition] = set()  # counters that are there: seen in a transaction that was committed

    async def stamp(
        self, connection: Executes, writes: Writes, facts: Sequence[Envelope], encoded: Mapping[str, bytes]
    ) -> list[Stamped]:
        """Number the facts and send all writes with them: the transaction's last step, as counters are locked last."""
        if not facts:
            await writes.send(connection)
            return []
        outgoing = _Outgoing(facts, encoded, self._partitions)
        touched = sorted(outgoing.counts)
        await self._add_unknown(connection, touched)
        spots = {"topics": [each.topic for each in touched], "partitions": [each.number for each in touched]}
        writes.add("counted", _sql.COUNT, {**spots, "counts": [outgoing.counts[each] for each in touched]})
        writes.add("outgoing", _sql.OUT.format(counted="counted"), outgoing.columns())
        sent = await writes.send(connection, "SELECT topic, partition, base FROM counted")
        bases = {Partition(row.topic, row.partition): row.base for row in sent or ()}
        if len(bases) < len(touched):  # another database than the one whose counters were seen
            self.forget()
            raise Surroundings("the counters are not those of before")
        return outgoing.numbered(bases)

    async def _add_unknown(self, connection: Executes, touched: Sequence[Partition]) -> None:
        unknown = [each for each in touched if each not in self._known]
        if unknown:
            spots = {"topics": [each.topic for each in unknown], "partitions": [each.number for each in unknown]}
            await connection.execute(_sql.ADD_COUNTERS, spots)

    def learned(self, partitions: Iterable[Partition]) -> None:
        """Facts of these were committed, and their counters with them: no counter is put there twice."""
        self._known.update(partitions)

    def forget(self) -> None:
        """Take no counter for known any more (another database may be behind the same address)."""
        self._known.clear()


class _Outgoing:
    """The facts of a batch as rows of the outbox, and then, numbered, as records of the log."""

    def __init__(self, facts: Sequence[Envelope], encoded: Mapping[str, bytes], partitions: int) -> None:
        self.counts: dict[Partition, int] = {}
        self._facts = facts
        self._records: list[NewRecord] = []
        self._places: list[Partition] = []
        self._nths: list[int] = []
        known: dict[tuple[str, int], Partition] = {}
        for fact in facts:
            key = fact.subject.encode()
            spot = fact.data.topic, partition_of(key, partitions)
            place = known.get(spot)
            if place is None:
                place = known[spot] = Partition(*spot)
            nth = self.counts[place] = self.counts.get(place, 0) + 1
            self._places.append(place)
            self._nths.append(nth)
            self._records.append(NewRecord(key, encoded[fact.id], encode_headers(fact)))

    def columns(self) -> dict[str, list[Any]]:
        """The outbox's columns; each number is still to be added to its partition's base."""
        return {
            "topics": [place.topic for place in self._places],
            "partitions": [place.number for place in self._places],
            "nths": self._nths,
            "keys": [fact.subject for fact in self._facts],
            "headers": [pack_headers(record.headers) for record in self._records],
            "values": [record.value for record in self._records],
        }

    def numbered(self, bases: Mapping[Partition, int]) -> list[Stamped]:
        """The facts with their numbers: the base of each one's partition, and its place in it."""
        stamped: list[Stamped] = []
        for place, nth, fact, bare in zip(self._places, self._nths, self._facts, self._records, strict=True):
            sequence = bases[place] + nth
            record = NewRecord(bare.key, bare.value, {**bare.headers, "ce_sequence": b"%d" % sequence})
            stamped.append(Stamped(place, sequence, fact.id, fact.subject, record))
        return stamped
