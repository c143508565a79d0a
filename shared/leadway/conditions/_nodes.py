"""The parts of a condition. Each can be asked three things: does it hold, why does it not, what does it say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from leadway.conditions._values import Scalar, items_of, key_of, listed, number_of, quoted

Values = Mapping[str, object]


class Node(Protocol):
    """A part of a condition."""

    def matches(self, values: Values) -> bool:
        """Whether it holds."""
        ...

    def failures(self, values: Values) -> Iterator[str]:
        """Why it does not hold; nothing where it does."""
        ...

    def says(self) -> str:
        """What it asks for, in words."""
        ...

    def leaves(self) -> Iterator[Leaf]:
        """The leaves in it, in the order of the document."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of these values, or one that begins with one of `prefixes`."""

    field: str
    pointer: str
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    said: tuple[Scalar, ...]

    def matches(self, values: Values) -> bool:
        value = values.get(self.field)
        if isinstance(value, str):  # by far the most common, and the hot path of routing
            return self._fits(value) if value else False
        return any(self._fits(item) for item in items_of(value))

    def _fits(self, value: object) -> bool:
        key = key_of(self.field, value)
        if not key:
            return False
        return key in self.exact or (bool(self.prefixes) and key.startswith(self.prefixes))

    def failures(self, values: Values) -> Iterator[str]:
        if self.matches(values):
            return
        found = items_of(values.get(self.field))
        wanted = listed(map(str, self.said))
        if not found:
            yield f"{self.field}: missing, wanted one of {wanted}"
        else:
            verb = "is" if len(found) == 1 else "are"
            yield f"{self.field}: {quoted(self.field, found)} {verb} none of {wanted}"

    def says(self) -> str:
        return f"{self.field} is one of {listed(map(str, self.said))}"

    def leaves(self) -> Iterator[Leaf]:
        yield self


@dataclass(frozen=True, slots=True)
class Within:
    """The field is a number from `least` to `most`, both inclusive; None leaves that end open."""

    field: str
    pointer: str
    least: float | None
    most: float | None

    def matches(self, values: Values) -> bool:
        value = values.get(self.field)
        if isinstance(value, (int, float)):  # by far the most common
            return self._fits(number_of(value))
        return any(self._fits(number_of(item)) for item in items_of(value))

    def _fits(self, number: float | None) -> bool:
        if number is None:
            return False
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    def failures(self, values: Values) -> Iterator[str]:
        if self.matches(values):
            return
        found = items_of(values.get(self.field))
        number = number_of(found[0]) if len(found) == 1 else None
        if not found:
            yield f"{self.field}: missing, wanted {self._range()}"
        elif number is None:
            yield f"{self.field}: {quoted(self.field, found)} is not {self._range()}"
        elif self.least is not None and number < self.least:
            yield f"{self.field}: {quoted(self.field, found)} is under {key_of(self.field, self.least)}"
        else:
            yield f"{self.field}: {quoted(self.field, found)} is over {key_of(self.field, self.most)}"

    def _range(self) -> str:
        least = "" if self.least is None else f"at least {key_of(self.field, self.least)}"
        most = "" if self.most is None else f"at most {key_of(self.field, self.most)}"
        return " and ".join(end for end in (least, most) if end)

    def says(self) -> str:
        return f"{self.field} is {self._range()}"

    def leaves(self) -> Iterator[Leaf]:
        yield self


@dataclass(frozen=True, slots=True)
class Present:
    """The field has a value, or has none."""

    field: str
    pointer: str
    wanted: bool

    def matches(self, values: Values) -> bool:
        return bool(items_of(values.get(self.field))) is self.wanted

    def failures(self, values: Values) -> Iterator[str]:
        if not self.matches(values):
            found = quoted(self.field, items_of(values.get(self.field)))
            yield f"{self.field}: missing" if self.wanted else f"{self.field}: {found} is there, wanted none"

    def says(self) -> str:
        return f"{self.field} is {'present' if self.wanted else 'missing'}"

    def leaves(self) -> Iterator[Leaf]:
        yield self


Leaf = OneOf | Within | Present


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; without parts it always does."""

    parts: tuple[Node, ...]

    def matches(self, values: Values) -> bool:
        for part in self.parts:  # noqa: SIM110 a loop costs half of what a generator does, and this is the hot path
            if not part.matches(values):
                return False
        return True

    def failures(self, values: Values) -> Iterator[str]:
        for part in self.parts:
            yield from part.failures(values)

    def says(self) -> str:
        return " and ".join(part.says() for part in self.parts) or "always"

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Node, ...]

    def matches(self, values: Values) -> bool:
        return any(part.matches(values) for part in self.parts)

    def failures(self, values: Values) -> Iterator[str]:
        if not self.matches(values):
            yield "any: " + ", nor ".join(f"({'; '.join(part.failures(values))})" for part in self.parts)

    def says(self) -> str:
        return "(" + " or ".join(part.says() for part in self.parts) + ")"

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node

    def matches(self, values: Values) -> bool:
        return not self.part.matches(values)

    def failures(self, values: Values) -> Iterator[str]:
        if not self.matches(values):
            yield f"not: {self.part.says()}"

    def says(self) -> str:
        return f"not ({self.part.says()})"

    def leaves(self) -> Iterator[Leaf]:
        yield from self.part.leaves()
