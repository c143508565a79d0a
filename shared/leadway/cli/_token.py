"""`leadway token`: who may do what, signed with the deployment's key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from leadway.cli._console import MISUSED, Failed
from leadway.cli._place import Place, settings_of
from leadway.hosting import Settings, deployment_key
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


def key_of(settings: Settings) -> bytes:
    """The deployment's key; none is made here. Raises Failed."""
    if settings.deployment_key is None and not Place(settings.data_dir).key.exists():
        raise Failed(
            f"{settings.data_dir} holds no deployment's key",
            "name the folder by --data-dir, or set LEADWAY_DEPLOYMENT_KEY",
            code=MISUSED,
        )
    try:
        return deployment_key(settings)
    except ValueError as error:
        raise Failed(str(error), code=MISUSED) from error
