"""What a batch writes, gathered to be sent as one statement: a round trip costs more than most of what it carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import TextClause, text

from leadway.stage._direct import Executes, Rows

_NAME: Final = re.compile(r"(?<!:):(\w+)")
_KNOWN_MAX: Final = 1000
_known: dict[tuple[tuple[str, str], ...], TextClause] = {}


class Writes:
    """Writes of one batch, each under a name of its own.

    They are the parts of one WITH, which all see what was there before any of them: none may build on what another
    one does, and no two may change the same row (a view's dropped rows are not its added ones).
    """

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []
        self._parameters: dict[str, Any] = {}

    def add(self, name: str, sql: str, parameters: Mapping[str, Any]) -> None:
        """Take one more; `name` is an identifier, the same for the same sql."""
        self._parts.append((name, sql))
        for parameter, value in parameters.items():
            self._parameters[f"{name}__{parameter}"] = value

    async def send(self, connection: Executes, select: str = "SELECT 1") -> Rows | None:
        """Carry all of them out; what `select` finds, which may name a part that returns rows. None: nothing to do."""
        if not self._parts:
            return None
        key = (*self._parts, ("", select))
        statement = _known.get(key)
        if statement is None:
            if len(_known) >= _KNOWN_MAX:
                _known.clear()
            statement = _known[key] = text(_with(self._parts, select))
        return await connection.execute(statement, self._parameters)


def _with(parts: list[tuple[str, str]], select: str) -> str:
    named = [f"{name} AS ({_NAME.sub(_prefixed(name), sql)})" for name, sql in parts]
    return f"WITH {', '.join(named)} {select}"


def _prefixed(name: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f":{name}__{found.group(1)}"
