"""The benchmarks of Leadway under strain, with small counts: what they check holds, whatever the machine's speed."""

from __future__ import annotations

from bench.claims import check, raced
from bench.recovery import recovered
from bench.timers import timed


def test_of_the_racers_for_each_lead_one_wins_and_all_others_are_told_so() -> None:
    race, unopposed = raced(racers=12, leads=6, connections=8)
    check(race, list(race.winners), 12)
    assert len(race.winners) == 6
    assert not unopposed.refused


def test_no_deadline_is_early_among_many_pending() -> None:
    alone, among = timed(pending=400, due=100)
    assert (alone.due, among.due) == (100, 100)
    assert (alone.early, among.early) == (0, 0)


def test_after_kill_9_of_a_service_and_of_postgresql_all_serve_again() -> None:
    found = recovered(("ingest",), times=1)
    assert len(found.service) == len(found.database) == 1
