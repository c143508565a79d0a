"""Reading a document that a person wrote: every fault is found at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import cast

import msgspec

from leadway.decider import Fault

CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_NAME_LENGTH_MAX = 120


class Reader:
    """One value of a document, with its pointer; all readers of a document share their faults."""

    def __init__(self, value: object, pointer: str = "#", faults: list[Fault] | None = None) -> None:
        self.value = value
        self.pointer = pointer
        self.faults: list[Fault] = [] if faults is None else faults

    def fault(self, detail: str) -> None:
        """Note what is wrong here."""
        self.faults.append(Fault(self.pointer, detail))

    def at(self, name: str | int, value: object) -> Reader:
        """A value inside of this one."""
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        return Reader(value, f"{self.pointer}/{escaped}", self.faults)

    def fields(self, *, required: Collection[str] = (), optional: Collection[str] = ()) -> Mapping[str, Reader]:
        """The fields of an object, those that are null left out; unknown and missing ones are faults."""
        given = self.value
        if not isinstance(given, Mapping):
            self.fault("an object was expected")
            return {}
        found: dict[str, Reader] = {}
        for name, value in cast("Mapping[str, object]", given).items():
            if value is None:
                continue
            if name not in required and name not in optional:
                self.at(name, value).fault(f"unknown; expected {_either([*required, *optional])}")
            else:
                found[name] = self.at(name, value)
        for name in required:
            if name not in found:
                self.at(name, None).fault("is required")
        return found

    def items(self, *, count_max: int, least: int = 0) -> Iterator[Reader]:
        """The items of an array."""
        given = self.value
        if not isinstance(given, list | tuple):
            self.fault("an array was expected")
            return
        values = cast("Sequence[object]", given)
        if not least <= len(values) <= count_max:
            self.fault(f"{least} to {count_max} entries were expected")
        for index, value in enumerate(values[:count_max]):
            yield self.at(index, value)

    def name(self) -> str:
        """A text that people read; "" and a fault where it is none."""
        if isinstance(self.value, str) and 0 < len(self.value.strip()) <= _NAME_LENGTH_MAX:
            return self.value.strip()
        self.fault(f"a text of 1 to {_NAME_LENGTH_MAX} characters was expected")
        return ""

    def code(self) -> str:
        """A word for machines: lower case, digits, `_`, `.` and `-`."""
        if isinstance(self.value, str) and CODE.fullmatch(self.value):
            return self.value
        self.fault("a code was expected: lower-case letters, digits, `_`, `.`, `-`, at most 64")
        return ""

    def one_of(self, allowed: Collection[str]) -> str:
        """One of a few words; the first of them and a fault where it is none."""
        if isinstance(self.value, str) and self.value in allowed:
            return self.value
        self.fault(f"expected {_either(list(allowed))}")
        return next(iter(allowed))

    def names(self, *, count_max: int = 200) -> tuple[str, ...]:
        """An array of texts; a text alone stands for an array of one."""
        if isinstance(self.value, str):
            return (self.name(),)
        return tuple(item.name() for item in self.items(count_max=count_max, least=1))

    def seconds(self, *, least: int, most: int) -> int:
        """An ISO 8601 duration in whole seconds."""
        try:
            duration = msgspec.convert(self.value, timedelta) if isinstance(self.value, str) else None
        except msgspec.ValidationError:
            duration = None
        if duration is None:
            self.fault("an ISO 8601 duration was expected, such as PT4H or P2D")
            return least
        seconds = int(duration.total_seconds())
        if not least <= seconds <= most:
            self.fault(f"a duration of {least} to {most} seconds was expected")
        return seconds


def _either(words: Sequence[str]) -> str:
    return " or ".join(words) if words else "nothing"
