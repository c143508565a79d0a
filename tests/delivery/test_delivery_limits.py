from __future__ import annotations

from leadway.delivery.settings import Limits
from leadway.stage.runtime import GateLimits

DRAINED_SECONDS = 30  # within which everything is done after a fault is over


def test_what_a_killed_instance_took_is_free_as_soon_as_its_attempt_must_be_over() -> None:
    limits = Limits()
    attempt_and_record = limits.attempt_seconds_max + GateLimits().database_wait_seconds
    assert attempt_and_record < limits.lease_seconds < DRAINED_SECONDS - limits.poll_seconds
