from __future__ import annotations

from datetime import UTC, datetime

from leadway.delivery.decider import DECIDER, GiveUp, Notify, Occurred, Record, Replay, Telling
from leadway.facts.delivery import DueEndpoint, NotificationDelivered, NotificationDue, NotificationFailed
from leadway.testing import given

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = DueEndpoint(endpoint_id="end_1", version=1)
TWO = DueEndpoint(endpoint_id="end_2", version=3)


def occurred(fact_id: str = "fact_1") -> Occurred:
    return Occurred(
        fact_id=fact_id, fact_type="lead.assigned", fact_time=NOW, assignment_id="asg_1", change={"tier": "gold"}
    )


def due(*endpoints: DueEndpoint, fact_id: str = "fact_1", replay: bool = False) -> NotificationDue:
    return NotificationDue(
        lead_id="lead_1",
        fact_id=fact_id,
        fact_type="lead.assigned",
        fact_time=NOW,
        endpoints=endpoints,
        assignment_id="asg_1",
        change={"tier": "gold"},
        replay=replay,
    )


TOOK = Record(lead_id="lead_1", fact_id="fact_1", endpoint_id="end_1", attempts=2, status=204, at=NOW)
TAKEN = NotificationDelivered(
    lead_id="lead_1", fact_id="fact_1", endpoint_id="end_1", attempts=2, status=204, delivered_at=NOW
)
REFUSED = GiveUp(
    lead_id="lead_1", fact_id="fact_1", endpoint_id="end_1", attempts=10, status=400, reason="http-400", at=NOW
)
GIVEN_UP = NotificationFailed(
    lead_id="lead_1", fact_id="fact_1", endpoint_id="end_1", attempts=10, status=400, reason="http-400", failed_at=NOW
)


def test_a_fact_is_due_at_its_endpoints_once() -> None:
    notify = Notify(lead_id="lead_1", occurred=occurred(), endpoints=(ONE, TWO))
    given(DECIDER).when(notify).then(due(ONE, TWO)).when(notify).then()


def test_nothing_is_due_without_endpoints() -> None:
    given(DECIDER).when(Notify(lead_id="lead_1", occurred=occurred())).then()


def test_a_message_ends_once() -> None:
    given(DECIDER, due(ONE, TWO)).when(TOOK).then(TAKEN).when(TOOK).then().when(REFUSED).then()


def test_a_message_that_was_never_due_cannot_end() -> None:
    given(DECIDER).when(TOOK).then()


def test_what_is_pending_is_due_minus_ended_in_order() -> None:
    lead = given(DECIDER, due(ONE, TWO), due(ONE, fact_id="fact_2"), TAKEN).state
    assert isinstance(lead, Telling)
    assert [(message.number, message.endpoint.endpoint_id) for message in lead.pending] == [(2, "end_2"), (3, "end_1")]
    assert [(ended.number, ended.reason) for ended in lead.finished] == [(1, None)]


def test_a_refused_message_is_shown_with_its_reason() -> None:
    lead = given(DECIDER, due(ONE)).when(REFUSED).then(GIVEN_UP).state
    assert isinstance(lead, Telling)
    assert lead.pending == ()
    assert lead.finished[0].reason == "http-400"


def test_a_replay_tells_again_what_is_not_still_to_be_told() -> None:
    replay = Replay(
        lead_id="lead_1",
        endpoint_id="end_1",
        since=NOW,
        occurred=((occurred(), ONE), (occurred("fact_2"), ONE)),
    )
    told_again = due(ONE, replay=True)
    given(DECIDER, due(ONE), TAKEN, due(ONE, fact_id="fact_2")).when(replay).then(told_again).when(replay).then()


def test_what_ended_is_kept_for_a_while_only() -> None:
    facts: list[NotificationDue | NotificationDelivered] = []
    for number in range(100):
        fact_id = f"fact_{number}"
        facts.append(due(ONE, fact_id=fact_id))
        facts.append(
            NotificationDelivered(lead_id="lead_1", fact_id=fact_id, endpoint_id="end_1", attempts=1, status=200)
        )
    lead = given(DECIDER, *facts).state
    assert isinstance(lead, Telling)
    assert len(lead.finished) == 24
    assert len(lead.noticed) == 64
    assert lead.numbered == 100
