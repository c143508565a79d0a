"""Changing an endpoint's status because of how it answers."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from leadway.decider import NotFound
from leadway.facts.delivery import EndpointChanged
from leadway.stage import Edit, Request, StageRuntime

FAILING: Final = "failing"
GONE: Final = "gone"


async def set_status(
    runtime: StageRuntime, endpoint_id: str, status: Literal["active", "paused", "disabled"], reason: str | None
) -> None:
    """Publish that an endpoint is paused, disabled, or active again; what its owner deleted or disabled stays so."""

    def change(held: EndpointChanged | None) -> EndpointChanged:
        if held is None:
            raise NotFound
        if held.status in {"deleted", "disabled"}:
            return held
        return msgspec.structs.replace(held, status=status, status_reason=reason)

    edit = Edit(kind=EndpointChanged, change=change)
    await runtime.execute(Request(command=edit, subject=endpoint_id, actor="service:delivery"))
    # The next claim goes by what is in force now.
    await runtime.catalogs()
