"""I7 against what a receiver wrote down, while messages still come."""

from __future__ import annotations

from datetime import UTC, datetime

from leadway.verify._deliveries import Deliveries, Desk
from leadway.verify._received import Received

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)


def message(webhook_id: str) -> Received:
    return Received(at=NOW, endpoint="end_a", id=webhook_id, lead="lead_a", answered=204)


def test_a_message_that_came_after_the_tables_were_read_is_no_violation() -> None:
    judge = Deliveries(Desk(), [message("msg_late")], before=[])
    assert judge.verdict().holds


def test_a_message_that_was_there_before_and_never_due_is_one() -> None:
    early = [message("msg_early")]
    verdict = Deliveries(Desk(), early, before=early).verdict()
    assert verdict.violations == ("end_a got msg_early, which was never due there",)
