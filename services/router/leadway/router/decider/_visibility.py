"""Who may know of a lead."""

from __future__ import annotations

from collections.abc import Container

from leadway.router.decider._state import Pooled, State, hold_of


def visible(state: State, managed: Container[str]) -> bool:
    """Whether a channel manager of these partners may know of the lead.

    It may where one of them holds or may claim it, and where nobody does.
    """
    hold = hold_of(state)
    if hold is not None:
        return hold.partner_id in managed
    return not isinstance(state, Pooled) or any(partner_id in managed for partner_id in state.eligible)
