"""Which roles a route is for. Every route says so, or says that it is public and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from fastapi import Depends, FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase

from leadway.decider import Forbidden
from leadway.stage import IdempotencyKey
from leadway.web._idempotency import idempotency
from leadway.web._paging import if_match
from leadway.web._problems import Unauthenticated
from leadway.web._tokens import ROLES, Caller, Role, TokenVerifier
from leadway.web._traceparent import continue_trace, current_traceparent

_SCHEME: Final = "bearer"


class RouteWithoutRoles(TypeError):
    """A route names neither the roles that it is for nor why it is public."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command needs to know of the request that it came with."""

    caller: Caller
    idempotency: IdempotencyKey | None
    if_match: int | None
    traceparent: str


class Roles(SecurityBase):
    """The dependency behind `require`: gives the Caller, or refuses."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        unknown = set(roles) - set(ROLES)
        if unknown or not roles:
            raise TypeError(f"a route is for some of the roles {', '.join(ROLES)}, not {sorted(unknown)}")
        self.roles = roles
        self.model = BearerScheme(bearerFormat="JWT", description="A token that names a subject and a role.")
        self.scheme_name = _SCHEME

    async def __call__(self, request: Request) -> Caller:
        caller = authenticate(request)
        if caller.role not in self.roles:
            raise Forbidden(f"This is for {_either(self.roles)}; the token's role is {caller.role}.")
        return caller


class Asking(SecurityBase):
    """The dependency behind `asking`: as `Roles`, and gathers what a command needs."""

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self.model = roles.model
        self.scheme_name = roles.scheme_name

    async def __call__(self, request: Request) -> Asked:
        caller = await self.roles(request)
        traceparent = current_traceparent() or continue_trace(request.headers.get("traceparent"))
        return Asked(caller, await idempotency(request, caller), if_match(request), traceparent)


class Public:
    """The dependency behind `public`: lets everybody in."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        return None


def require(*roles: Role) -> Any:
    """Only callers with one of these roles come through.

    Used as `caller: Annotated[Caller, require("admin", "cam")]`, or in a route's `dependencies=`.
    """
    return Security(Roles(roles), scopes=list(roles))


def asking(*roles: Role) -> Any:
    """As `require`, and gathers idempotency key, If-Match and traceparent.

    Used as `asked: Annotated[Asked, asking("admin")]`.
    """
    return Security(Asking(Roles(roles)), scopes=list(roles))


def public(why: str) -> Any:
    """No token is needed here, because of `why`.

    Used as `dependencies=[public("sources have a key of their own")]`.
    """
    return Depends(Public(why))


def authenticate(request: Request) -> Caller:
    """The caller that the request's token names. Raises Unauthenticated or TokenExpired."""
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthenticated("The request carries no token.")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise Unauthenticated("The Authorization header must read `Bearer <token>`.")
    return cast("TokenVerifier", request.app.state.tokens).verify(token.strip())


def check_sees_every_lead(caller: Caller) -> None:
    """For services that do not know who holds a lead, and so cannot tell whether it is one of a manager's.

    Raises Forbidden for a channel manager of scope `assigned`.
    """
    if caller.role == "cam" and caller.scope == "assigned":
        raise Forbidden(
            "A channel manager of scope `assigned` sees its partners' leads at /router/v1/leads and, each with its "
            "score, at /dealreg/v1/leads/{id}."
        )


def routes_without_roles(app: FastAPI) -> list[str]:
    """The routes that name neither roles nor why they are public, as `METHOD /path`."""
    found: list[str] = []
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        dependant = cast("Dependant", context.dependant)
        if not any(isinstance(call, Roles | Asking | Public) for call in _calls(dependant)):
            found.append(f"{','.join(sorted(context.methods or ()))} {context.path}")
    return found


def _calls(dependant: Dependant) -> Iterable[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def _either(roles: tuple[Role, ...]) -> str:
    return " or ".join(roles)
