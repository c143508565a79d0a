"""Tables that the stage keeps equal to what each lead is: for lists, never for decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from leadway.router.decider import Pooled, State, Unrouted, hold_of
from leadway.router.policy.interest import Interest
from leadway.stage import View

Row = tuple[str | datetime | None, ...]


def name_of(state: State) -> str:
    """The state as the API names it: unrouted, pooled, assigned …"""
    return type(state).__name__.lower()


def _routed(_: str, state: State) -> Iterable[Row]:
    if isinstance(state, Unrouted):
        return ()
    hold = hold_of(state)
    return ((name_of(state), hold.partner_id if hold else None, state.since),)


def _pool(_: str, state: State) -> Iterable[Row]:
    if not isinstance(state, Pooled):
        return ()
    return tuple((partner_id, state.closes_at) for partner_id in state.eligible)


def _known(_: str, interest: Interest) -> Iterable[Row]:
    return ((interest.origin,),) if interest.known else ()


def _closings(_: str, interest: Interest) -> Iterable[Row]:
    return ((interest.closed,),) if interest.closed else ()


VIEWS = (
    View(
        table="routed_leads",
        columns={"state": "text", "partner_id": "text", "since": "timestamptz"},
        rows=_routed,
        indexes=("subject", "partner_id, subject"),
    ),
    View(
        table="claimable_leads",
        columns={"partner_id": "text", "closes_at": "timestamptz"},
        rows=_pool,
        indexes=("partner_id, subject",),
    ),
    # Every lead that was captured or came with a deal: those that are not among the routed ones are unrouted.
    View(table="known_leads", columns={"origin": "text"}, rows=_known, of="mirror", indexes=("subject",)),
    # What dealreg closed: a lead that nobody held stays what it was to the router, and is shown as closed.
    View(table="closed_leads", columns={"outcome": "text"}, rows=_closings, of="mirror", indexes=("subject",)),
)
