"""The loop that takes due messages and sends them.

Woken by every commit of this instance; a poll is the safety net. A claim is one statement for all endpoints with room,
and brings all that the messages are made of. One message of a lead is in flight at an endpoint at a time, and a slow
endpoint fills its own room only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from leadway.clock import Clock
from leadway.decider import Refusal
from leadway.delivery import store
from leadway.delivery.decider import Command, GiveUp, Pending, Record, Telling
from leadway.delivery.policy import (
    Answered,
    Delivered,
    EndpointTrouble,
    Gone,
    MessageRefused,
    Unanswered,
    endpoint_secret,
    judge,
    message_delay_seconds,
    message_id,
    pause_seconds,
    signature,
)
from leadway.delivery.settings import Settings
from leadway.delivery.worker._endpoints import FAILING, GONE, set_status
from leadway.delivery.worker._message import render
from leadway.delivery.worker._sender import Sender
from leadway.facts.delivery import EndpointChanged
from leadway.stage import Request, StageRuntime, crash_point

_log = structlog.get_logger("leadway.delivery")
_ACTOR: Final = "service:delivery"
_DOWN_TROUBLES: Final = 3  # from here on an endpoint counts as down: what waits because of it goes when it is back
_SWEEP_MAX: Final = 500
_BACKOFF_SECONDS: Final = 1.0


def signed_headers(key: bytes, endpoint: EndpointChanged, webhook_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for a body."""
    secret = endpoint_secret(key, endpoint.entity_id, endpoint.generation)
    stamp = int(at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "Leadway",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(secret, webhook_id, stamp, body),
    }


@dataclass(slots=True)
class Worker:
    """Sends what is due until cancelled. `owner` names this instance; `chance` gives numbers in [0, 1)."""

    runtime: StageRuntime
    key: bytes
    settings: Settings
    owner: str
    clock: Clock
    chance: Callable[[], float]
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _in_flight: Counter[str] = field(default_factory=Counter[str])
    _health: dict[str, store.Health] = field(default_factory=dict[str, store.Health])
    _rest_until: dict[str, float] = field(default_factory=dict[str, float])

    async def run(self) -> None:
        """Work until cancelled; attempts under way end with it, and their leases run out."""
        self.runtime.on_saved(self._wake.set)
        async with Sender(self.settings.allowed, self.settings.limits) as sender:
            housekeeping = asyncio.create_task(self._housekeeping())
            try:
                await self._loop(sender)
            finally:
                ending = [housekeeping, *self._tasks]
                for task in ending:
                    task.cancel()
                await asyncio.gather(*ending, return_exceptions=True)

    async def _loop(self, sender: Sender) -> None:
        loop = asyncio.get_running_loop()
        limits = self.settings.limits
        refreshed = -limits.poll_seconds
        while True:
            # Cleared before reading: what is committed while we read wakes us again.
            self._wake.clear()
            try:
                if loop.time() - refreshed >= limits.poll_seconds:
                    await self._refresh()
                    refreshed = loop.time()
                await self._round(sender)
            except (DBAPIError, OSError, Refusal) as error:
                _log.warning("claim_failed", error=type(error).__name__)
                await asyncio.sleep(_BACKOFF_SECONDS)
            await asyncio.sleep(limits.gather_seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.poll_seconds):  # wait_for loses a cancellation that comes with a wake
                    await self._wake.wait()

    async def _refresh(self) -> None:
        """Read again what other instances may have changed: endpoints, and who is resting."""
        await self.runtime.catalogs()
        now = asyncio.get_running_loop().time()
        self._health = await store.health(self.runtime)
        self._rest_until = {endpoint_id: now + one.rests_seconds for endpoint_id, one in self._health.items()}

    async def _round(self, sender: Sender) -> None:
        rooms = self._rooms()
        if not rooms:
            return
        turns = await store.claim(
            self.runtime, rooms, owner=self.owner, lease_seconds=self.settings.limits.lease_seconds
        )
        for turn in turns:
            self._in_flight[turn.endpoint_id] += 1
            task = asyncio.create_task(self._deliver(sender, turn))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _rooms(self) -> dict[str, int]:
        """How many messages each endpoint may be sent now; an endpoint in trouble gets one, to see how it is."""
        limits = self.settings.limits
        left = limits.in_flight_max - self._in_flight.total()
        now = asyncio.get_running_loop().time()
        rooms: dict[str, int] = {}
        for endpoint_id, endpoint in self.runtime.catalogs_held.all(EndpointChanged).items():
            if not _takes(endpoint) or self._rest_until.get(endpoint_id, 0.0) > now:
                continue
            most = 1 if endpoint_id in self._health else limits.in_flight_of_endpoint_max
            room = min(most - self._in_flight[endpoint_id], left)
            if room > 0:
                rooms[endpoint_id] = room
        return rooms

    async def _deliver(self, sender: Sender, turn: store.Turn) -> None:
        try:
            await self._attempt(sender, turn)
        except (DBAPIError, OSError, Refusal) as error:
            # The lease runs out, and the message is sent again under the same id.
            _log.warning("delivery_unsettled", lead=turn.lead_id, endpoint=turn.endpoint_id, error=type(error).__name__)
        finally:
            self._in_flight[turn.endpoint_id] -= 1
            if not self._in_flight[turn.endpoint_id]:
                del self._in_flight[turn.endpoint_id]
            self._wake.set()

    async def _attempt(self, sender: Sender, turn: store.Turn) -> None:
        endpoint = self.runtime.catalogs_held.get(EndpointChanged, turn.endpoint_id)
        message = _message_of(turn)
        if endpoint is None or message is None:
            return
        body = render(message, turn.lead_id, turn.lead, endpoint)
        occurred = message.occurred
        webhook_id = message_id(occurred.fact_id, occurred.fact_time, turn.endpoint_id)
        headers = signed_headers(self.key, endpoint, webhook_id, self.clock.now(), body)
        outcome = await sender.send(endpoint.url, headers, body)
        crash_point("delivery.between_sending_and_recording")
        await self._settle(turn, message, endpoint, outcome)

    async def _settle(
        self, turn: store.Turn, message: Pending, endpoint: EndpointChanged, outcome: Answered | Unanswered
    ) -> None:
        match judge(outcome):
            case Delivered(status=status):
                await self._well(endpoint)
                await self._decide(
                    Record(
                        lead_id=turn.lead_id,
                        fact_id=message.occurred.fact_id,
                        endpoint_id=turn.endpoint_id,
                        attempts=turn.attempts + turn.deferrals + 1,
                        status=status,
                        at=self.clock.now(),
                    )
                )
            case Gone(status=status):
                await set_status(self.runtime, endpoint.entity_id, "disabled", GONE)
                await self._again(turn, 0.0, status, f"http-{status}", refused=False)
            case MessageRefused(status=status):
                await self._well(endpoint)
                await self._refused(turn, message, status)
            case EndpointTrouble() as trouble:
                await self._trouble(turn, endpoint, trouble)

    async def _refused(self, turn: store.Turn, message: Pending, status: int) -> None:
        attempts = turn.attempts + 1
        seconds = message_delay_seconds(self.settings.retries, attempts, self.chance())
        if seconds is not None:
            await self._again(turn, seconds, status, f"http-{status}", refused=True)
            return
        await self._decide(
            GiveUp(
                lead_id=turn.lead_id,
                fact_id=message.occurred.fact_id,
                endpoint_id=turn.endpoint_id,
                attempts=attempts + turn.deferrals,
                reason=f"http-{status}",
                at=self.clock.now(),
                status=status,
            )
        )

    async def _trouble(self, turn: store.Turn, endpoint: EndpointChanged, trouble: EndpointTrouble) -> None:
        retries = self.settings.retries
        now = asyncio.get_running_loop().time()
        endpoint_id = turn.endpoint_id
        known = self._health.get(endpoint_id, store.Health())
        # Attempts that were under way together are one trouble, not eight.
        resting = self._rest_until.get(endpoint_id, 0.0) > now
        troubles = max(known.troubles, 1) if resting else known.troubles + 1
        seconds = pause_seconds(retries, troubles, self.chance(), trouble.retry_after)
        self._health[endpoint_id] = store.Health(troubles, seconds)
        self._rest_until[endpoint_id] = max(self._rest_until.get(endpoint_id, 0.0), now + seconds)
        own = pause_seconds(retries, turn.deferrals + 1, self.chance(), trouble.retry_after)
        await self._again(turn, own, trouble.status, trouble.reason, refused=False)
        for_seconds = await store.troubled(
            self.runtime,
            endpoint_id,
            troubles=troubles,
            seconds=seconds,
            status=trouble.status,
            reason=trouble.reason,
        )
        if endpoint.status == "active" and for_seconds >= retries.paused_after_seconds:
            await set_status(self.runtime, endpoint_id, "paused", FAILING)

    async def _well(self, endpoint: EndpointChanged) -> None:
        """The endpoint answers: forget its troubles, if it had any."""
        known = self._health.pop(endpoint.entity_id, None)
        self._rest_until.pop(endpoint.entity_id, None)
        if known is not None:
            await store.well(self.runtime, endpoint.entity_id, was_down=known.troubles >= _DOWN_TROUBLES)
        if endpoint.status == "paused":
            await set_status(self.runtime, endpoint.entity_id, "active", None)

    async def _again(self, turn: store.Turn, seconds: float, status: int | None, reason: str, *, refused: bool) -> None:
        await store.try_again(
            self.runtime, turn, owner=self.owner, seconds=seconds, status=status, reason=reason, refused=refused
        )

    async def _decide(self, command: Command) -> None:
        await self.runtime.execute(Request(command=command, subject=command.lead_id, actor=_ACTOR, patient=True))

    async def _housekeeping(self) -> None:
        while True:
            try:
                await self._sweep()
            except (DBAPIError, OSError, Refusal) as error:
                _log.warning("sweep_failed", error=type(error).__name__)
            await asyncio.sleep(self.settings.limits.housekeeping_seconds)

    async def _sweep(self) -> None:
        """End what waits for deleted endpoints; forget turns that are long over."""
        catalogs = await self.runtime.catalogs()
        deleted = [one.entity_id for one in catalogs.all(EndpointChanged).values() if one.status == "deleted"]
        waiting = await store.of_deleted(self.runtime, deleted, _SWEEP_MAX) if deleted else ()
        at = self.clock.now()
        ends = [
            GiveUp(
                lead_id=row["subject"],
                fact_id=row["fact_id"],
                endpoint_id=row["endpoint_id"],
                attempts=0,
                reason="endpoint-deleted",
                at=at,
            )
            for row in waiting
        ]
        await asyncio.gather(*map(self._decide, ends))
        await store.forget_turns(self.runtime, _SWEEP_MAX)


def _takes(endpoint: EndpointChanged) -> bool:
    """Whether an endpoint is sent to: also one that is paused because it failed, to see whether it is back."""
    return endpoint.status == "active" or (endpoint.status == "paused" and endpoint.status_reason == FAILING)


def _message_of(turn: store.Turn) -> Pending | None:
    if not isinstance(turn.state, Telling):
        return None
    return next((message for message in turn.state.pending if message.number == turn.number), None)
