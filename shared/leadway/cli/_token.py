"""`leadway token`: who may do what, signed with the deployment's key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from leadway.cli._console import MISUSED, Failed
from leadway.cli._key import key_of
from leadway.cli._place import settings_of
from leadway.ids import parse
from leadway.web import Role, issue_token

_duration = TypeAdapter(timedelta)


def token(
    given: dict[str, Any], *, role: Role, partner: str | None, subject: str | None, scope: str | None, ttl: str
) -> str:
    """A token. Raises Failed where the flags do not go together or the deployment has no key yet."""
    try:
        lives = _duration.validate_python(ttl)
    except ValidationError as error:
        raise Failed(f"--ttl {ttl} is no ISO 8601 duration", "such as PT1H, PT30M, P7D", code=MISUSED) from error
    if scope not in {None, "all", "assigned"} or (scope and role != "cam"):
        raise Failed("--scope is all or assigned, and for the role cam", code=MISUSED)
    if partner is not None:
        try:
            parse(partner, "ptr")
        except ValueError as error:
            raise Failed(f"--partner {partner} is no partner: {error}", code=MISUSED) from error
    named = subject or partner or role
    try:
        return issue_token(
            key_of(settings_of(**given)),
            role=role,
            subject=named,
            partner_id=partner,
            scope="assigned" if scope == "assigned" else "all",
            ttl=lives,
        )
    except ValueError as error:
        raise Failed(str(error), "--role partner --partner ptr_…", code=MISUSED) from error
