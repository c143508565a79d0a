"""Lists a page at a time, and documents with versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel

from leadway.decider import Fault, InvalidRequest
from leadway.web._problems import json_response

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
_CURSOR: Final = r"^[\x21-\x7e]{1,200}$"
_ETAG: Final = re.compile(r'"(\d{1,18})"')

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list; `starting_after` = the last item's id asks for the next where `has_more`."""

    data: list[T]
    has_more: bool


@dataclass(frozen=True, slots=True)
class PageParams:
    """Which page is asked for. Ask the database for `fetch` rows and give them to `page`."""

    limit: int = LIMIT_DEFAULT
    starting_after: str | None = None

    @property
    def fetch(self) -> int:
        """One more than the page holds: whether it comes says whether there is more."""
        return self.limit + 1

    def page(self, items: Sequence[T]) -> Page[T]:
        """The page of `items`, of which at most `fetch` were read."""
        return Page(data=list(items[: self.limit]), has_more=len(items) > self.limit)


async def page_params(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    starting_after: Annotated[str | None, Query(pattern=_CURSOR, description="The id of the last item seen.")] = None,
) -> PageParams:
    """Dependency: the page that the query asks for (`Annotated[PageParams, Depends(page_params)]`)."""
    return PageParams(limit, starting_after)


def page_response(page: Page[Any]) -> Response:
    """A page of documents as they are: none of their fields is added, left out or turned into something else."""
    return json_response({"data": page.data, "has_more": page.has_more})


def etag(version: int) -> str:
    """The ETag header's value for a document's version."""
    return f'"{version}"'


def if_match(request: Request) -> int | None:
    """The version that `If-Match` names; None without one or with `*`. Raises InvalidRequest where it names none."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise InvalidRequest("", [Fault("header:If-Match", 'must be one ETag as this service gave it, such as "7"')])
    return int(match.group(1))
