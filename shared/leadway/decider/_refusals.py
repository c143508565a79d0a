"""Refusals: what a caller is told when a command is not carried out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_kinds: Final[dict[str, type[Refusal]]] = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a request.

    `pointer`: a JSON pointer into the body as a URI fragment (`#/person/email`), or `query:limit`, `header:If-Match`.
    `detail`: what is wrong there, in words; never the value itself, which may be personal.
    """

    pointer: str
    detail: str


class Refusal(Exception):
    """The request was refused.

    Subclasses set `slug` and `status`. The first line of their docstring is the title of the problem, the rest is
    its page: what it means and what to do.

    `foreign`: the refusal rests on another service's fact (an unknown lead, not the holder); it is given only after
    this service has read the log up to where it was when it was asked.
    `retry_after_seconds`: when the same request may do better, where that is known.
    """

    slug: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    foreign: ClassVar[bool] = False
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str = "", errors: Sequence[Fault] = (), **extra: object) -> None:
        """Refuse because of `detail`, naming every fault at once; `extra` become fields of the problem."""
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra: Mapping[str, object] = MappingProxyType(extra)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        # Only a class that names a slug is a kind of its own; one that inherits it is the same kind.
        if "slug" in cls.__dict__:
            _register(cls)

    @classmethod
    def title(cls) -> str:
        """A few words that name this kind of refusal; the same every time."""
        return _paragraphs(cls)[0].rstrip(".")

    @classmethod
    def meaning(cls) -> tuple[str, ...]:
        """What it means and what to do, a paragraph each."""
        return _paragraphs(cls)[1:]

    @staticmethod
    def kinds() -> Mapping[str, type[Refusal]]:
        """Every kind of refusal that has been imported, by slug."""
        return MappingProxyType(_kinds)


def _register(kind: type[Refusal]) -> None:
    name = f"{kind.__module__}.{kind.__qualname__}"
    if not _SLUG.fullmatch(kind.slug):
        raise TypeError(f"{name}: a slug is lower-case words joined by hyphens, not {kind.slug!r}")
    if not kind.__doc__:
        raise TypeError(f"{name}: its docstring is what the caller reads; write one")
    taken = _kinds.get(kind.slug)
    if taken is not None:
        raise TypeError(f"{name}: the slug {kind.slug!r} already belongs to {taken.__module__}.{taken.__qualname__}")
    _kinds[kind.slug] = kind


def _paragraphs(kind: type[Refusal]) -> tuple[str, ...]:
    text = inspect.cleandoc(kind.__doc__ or "")
    return tuple(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))


class InvalidRequest(Refusal):
    """The request is not valid.

    One or more fields are missing, unknown, of the wrong type or outside what is allowed. `errors` names each of
    them with a pointer into the body. Correct them all and send the request again.
    """

    slug = "invalid-request"
    status = 422


class NotFound(Refusal):
    """There is no such thing here.

    Either nothing has this address or id, or it is something that this caller may not know of. Check the id, and
    whether the token belongs to the partner that it concerns.
    """

    slug = "not-found"
    status = 404


class Forbidden(Refusal):
    """This caller may not do that.

    The token is good, but its role, or its share of partners, does not allow this request. Use a token with one of
    the roles that the route's documentation names.
    """

    slug = "forbidden"
    status = 403


class StaleDocument(Refusal):
    """The document has changed since it was read.

    The version in `If-Match` is not the newest, so saving would undo somebody's change. Read the document again, make
    the change there, and send it with the new `ETag`.
    """

    slug = "stale-document"
    status = 412


class NotOwner(Refusal):
    """Somebody else has this lead.

    Only the partner that holds the lead may do that; a lead in one of the vendor's own queues belongs to its channel
    managers.
    """

    slug = "not-owner"
    status = 403


class AssignmentEnded(Refusal):
    """The assignment has ended.

    The lead was given back, taken back, taken away or closed since; nothing about that hold of it can be changed or
    added any more. Ask for the lead to see how it ended.
    """

    slug = "assignment-ended"
    status = 409
