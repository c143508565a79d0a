"""Whether the answers that clients got to their claims of one lead could have been given in one order.

The log is that order. An answer is wrong where no order would give it, whatever became of the requests without answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from leadway.verify._record import Operation

_TAKEN = "lead-already-claimed"


class Begin(NamedTuple):
    """A hold that began on the log; `claimed`: by a partner's claim, not by a decision of the router's own."""

    assignment_id: str
    partner_id: str
    claimed: bool


@dataclass(slots=True)
class _Attempt:
    """One request with its repetitions under the same key: the service decides it once."""

    n: int
    partner_id: str
    begun: datetime
    operations: list[Operation]

    @property
    def done(self) -> Operation | None:
        return next((one for one in self.operations if one.outcome == "done"), None)

    @property
    def may_have_happened(self) -> bool:
        return any(one.outcome != "refused" for one in self.operations)


def judge_claims(lead: str, claims: Iterable[Operation], begins: Sequence[Begin]) -> Iterator[str]:
    """What is wrong with the answers to the claims of a lead. `begins`: its holds in log order."""
    attempts = list(_attempts(claims))
    for each in attempts:
        if each.done is not None:
            yield from _not_on_the_log(lead, each, each.done, begins)
        for one in each.operations:
            if one.outcome == "refused" and (one.problem or "").endswith(_TAKEN):
                yield from _taken_by_nobody(lead, one, attempts, begins)
    yield from _refused_yet_done(lead, attempts, begins)
    yield from _out_of_order(lead, attempts, begins)


def _attempts(claims: Iterable[Operation]) -> Iterable[_Attempt]:
    found: dict[tuple[str, str | int], _Attempt] = {}
    for one in sorted(claims, key=lambda each: each.n):
        partner = one.partner_id or ""
        attempt = found.setdefault((partner, one.key or one.n), _Attempt(one.n, partner, one.begun, []))
        attempt.operations.append(one)
    return found.values()


def _not_on_the_log(lead: str, each: _Attempt, done: Operation, begins: Sequence[Begin]) -> Iterator[str]:
    told: str | None = done.answer.get("assignment_id")
    if not any(begin.partner_id == each.partner_id and told in (None, begin.assignment_id) for begin in begins):
        by = f" by {told}" if told else ""
        yield f"{lead}: request {done.n} of {each.partner_id} was told that it has it{by}; the log says no such thing"


def _taken_by_nobody(
    lead: str, refused: Operation, attempts: Sequence[_Attempt], begins: Sequence[Begin]
) -> Iterator[str]:
    assert refused.ended is not None  # noqa: S101 a refusal is an answer
    for begin in begins:
        if begin.partner_id == refused.partner_id:
            continue
        asked = [each.begun for each in attempts if each.partner_id == begin.partner_id and each.may_have_happened]
        # A hold that nobody of the record asked for may have begun at any time.
        if not begin.claimed or not asked or min(asked) < refused.ended:
            return
    yield (
        f"{lead}: request {refused.n} of {refused.partner_id} was told that another partner has the lead, and nobody "
        f"else had asked for it by {refused.ended.isoformat()}"
    )


def _refused_yet_done(lead: str, attempts: Sequence[_Attempt], begins: Sequence[Begin]) -> Iterator[str]:
    for partner in {each.partner_id for each in attempts}:
        own = [each for each in attempts if each.partner_id == partner]
        allowed = sum(each.may_have_happened for each in own)
        claimed = sum(begin.claimed and begin.partner_id == partner for begin in begins)
        if claimed > allowed:
            numbers = ", ".join(str(each.n) for each in own)
            yield (
                f"{lead}: the log gives it {claimed} times to {partner} by a claim, and only {allowed} of its requests "
                f"({numbers}) were not refused"
            )


def _out_of_order(lead: str, attempts: Sequence[_Attempt], begins: Sequence[Begin]) -> Iterator[str]:
    places = {begin.assignment_id: place for place, begin in enumerate(begins)}
    placed = [
        (each, done.ended, places[told])
        for each in attempts
        if (done := each.done) and done.ended and (told := done.answer.get("assignment_id", "")) in places
    ]
    for first, first_ended, first_place in placed:
        for second, _, second_place in placed:
            if first_ended < second.begun and second_place < first_place:
                yield (
                    f"{lead}: request {first.n} was told that it has the lead before request {second.n} asked, and the "
                    "log has them the other way round"
                )
