"""Reading a condition, with every fault in it named at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final, cast

from leadway.conditions._condition import Condition
from leadway.conditions._known import ANY_FIELD, NUMBER_FIELDS, Known
from leadway.conditions._nodes import AllOf, AnyOf, Leaf, Node, Not, OneOf, Present, Within
from leadway.conditions._values import Scalar, key_of
from leadway.decider import Fault, InvalidRequest

DEPTH_MAX: Final = 8
LEAVES_MAX: Final = 200
VALUES_MAX: Final = 1_000
TEXT_LENGTH_MAX: Final = 200
FAULTS_MAX: Final = 50
NUMBER_MAX: Final = 10**15

_ANYTHING: Final = Known()


class BadCondition(InvalidRequest):
    """A condition does not read as one; `errors` names every fault in it, up to FAULTS_MAX."""


def parse(document: object, known: Known = _ANYTHING, *, pointer: str = "#") -> Condition:
    """The condition that a JSON document says; JSON null means absent.

    `pointer`: where the document stands in what was sent; the faults' pointers begin with it. Raises BadCondition.
    """
    reader = _Reader(known)
    root = reader.condition(document, pointer, depth=1)
    if reader.faults:
        raise BadCondition("The condition cannot be read.", reader.faults)
    return Condition(root)


class _Reader:
    """Reads one document. Whatever it cannot read becomes a fault, and it goes on."""

    def __init__(self, known: Known) -> None:
        self.faults: list[Fault] = []
        self._known = known
        self._leaves = 0

    def condition(self, document: object, pointer: str, *, depth: int) -> AllOf:
        parts: list[Node] = []
        if not isinstance(document, Mapping):
            self._fault(pointer, 'must be an object such as {"country": ["PL"]}')
        elif depth > DEPTH_MAX:
            self._fault(pointer, f"is nested too deep: at most {DEPTH_MAX} conditions inside each other")
        else:
            for key, asked in cast("Mapping[object, object]", document).items():
                if asked is not None:
                    part = self._part(str(key), asked, f"{pointer}/{_escape(str(key))}", depth)
                    parts.extend(() if part is None else (part,))
        return AllOf(tuple(parts))

    def _part(self, key: str, asked: object, pointer: str, depth: int) -> Node | None:
        if key == "any":
            return self._any(asked, pointer, depth)
        if key == "not":
            return Not(self._inner(asked, pointer, depth))
        if not self._known.allows(key):
            self._fault(pointer, self._unknown(key))
            return None
        self._leaves += 1
        if self._leaves > LEAVES_MAX:
            if self._leaves == LEAVES_MAX + 1:
                self._fault(pointer, f"is one question too many: at most {LEAVES_MAX} in a condition")
            return None
        return self._leaf(key, asked, pointer)

    def _any(self, asked: object, pointer: str, depth: int) -> Node | None:
        choices = self._list(asked, pointer, "conditions", LEAVES_MAX)
        if not choices:
            return None
        return AnyOf(tuple(self._inner(item, f"{pointer}/{index}", depth) for index, item in enumerate(choices)))

    def _inner(self, asked: object, pointer: str, depth: int) -> Node:
        inner = self.condition(asked, pointer, depth=depth + 1)
        if isinstance(asked, Mapping) and all(value is None for value in cast("Mapping[str, object]", asked).values()):
            # It always holds, so the `any` around it asks nothing and the `not` around it never holds.
            self._fault(pointer, "must ask for something")
        return inner

    def _leaf(self, key: str, asked: object, pointer: str) -> Leaf | None:
        if isinstance(asked, Mapping):
            return self._bounds(key, cast("Mapping[object, object]", asked), pointer)
        values = self._list(asked, pointer, "values", VALUES_MAX)
        if not values:
            return None
        said = [value for index, value in enumerate(values) if self._value(key, value, f"{pointer}/{index}")]
        return _one_of(key, pointer, cast("list[Scalar]", said))

    def _bounds(self, key: str, asked: Mapping[object, object], pointer: str) -> Leaf | None:
        given = {str(name): value for name, value in asked.items() if value is not None}
        before = len(self.faults)
        for name in [name for name in given if name not in ("min", "max", "present")]:
            self._fault(f"{pointer}/{_escape(name)}", "is not known here: min, max or present was expected")
        if "present" in given:
            return self._presence(key, given, pointer) if len(self.faults) == before else None
        for name in ("min", "max"):
            if name in given and not _is_number(given[name]):
                self._fault(f"{pointer}/{name}", "must be a number of ordinary size")
        if len(self.faults) > before:
            return None
        return self._range(key, given, pointer)

    def _presence(self, key: str, given: Mapping[str, object], pointer: str) -> Leaf | None:
        if len(given) > 1:
            self._fault(pointer, "must have either present, or min and max")
        elif not isinstance(given["present"], bool):
            self._fault(f"{pointer}/present", "must be true or false")
        return Present(key, pointer, wanted=given["present"] is True)

    def _range(self, key: str, given: Mapping[str, object], pointer: str) -> Leaf | None:
        least, most = (cast("float | None", given.get(name)) for name in ("min", "max"))
        if least is None and most is None:
            self._fault(pointer, "must have min, max or present")
        elif key not in NUMBER_FIELDS and not key.startswith("fields."):
            self._fault(pointer, f"{key} is a text: a list of values, or present, was expected")
        elif least is not None and most is not None and least > most:
            self._fault(pointer, "has a min above its max, so nothing matches")
        return Within(key, pointer, least, most)

    def _value(self, key: str, value: object, pointer: str) -> bool:
        before = len(self.faults)
        if key in NUMBER_FIELDS:
            if not _is_number(value):
                self._fault(pointer, "must be a number of ordinary size")
        elif isinstance(value, str):
            self._text(key, value, pointer)
        elif not key.startswith("fields."):
            self._fault(pointer, "must be a text, in quotation marks")
        elif not isinstance(value, bool) and not _is_number(value):
            self._fault(pointer, "must be a text, a number, true or false")
        return len(self.faults) == before

    def _text(self, key: str, value: str, pointer: str) -> None:
        if not key_of(key, value):
            self._fault(pointer, "must not be blank")
        elif "\0" in value:
            self._fault(pointer, "must not contain a NUL character")
        elif len(value) > TEXT_LENGTH_MAX:
            self._fault(pointer, f"is too long: at most {TEXT_LENGTH_MAX} characters")
        elif value.strip() == "*":
            self._fault(pointer, 'must have something before the *; for any value say {"present": true}')
        elif not value.rstrip().endswith("*") and not self._known.names(key, value):
            self._fault(pointer, f"is no known {key}")

    def _list(self, asked: object, pointer: str, what: str, count_max: int) -> Sequence[object]:
        if not isinstance(asked, list | tuple):
            self._fault(pointer, f"must be a list of {what}")
            return ()
        items = cast("Sequence[object]", asked)
        if not items:
            self._fault(pointer, f"must not be an empty list: name the {what}")
        elif len(items) > count_max:
            self._fault(pointer, f"has too many {what}: at most {count_max}")
            return ()
        return items

    def _unknown(self, key: str) -> str:
        choices = [*sorted(self._known.fields), "any", "not"]
        close = difflib.get_close_matches(key[:TEXT_LENGTH_MAX], choices, n=1)
        if close and close[0] not in (key, ANY_FIELD):
            return f"is no field that can be asked for here; did you mean {close[0]}?"
        return f"is no field that can be asked for here; known are {', '.join(choices)}"

    def _fault(self, pointer: str, detail: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(pointer, detail))


def _one_of(key: str, pointer: str, said: Sequence[Scalar]) -> OneOf:
    keys = [key_of(key, value) for value in said]
    exact = frozenset(each for each in keys if not each.endswith("*"))
    prefixes = tuple(each.removesuffix("*") for each in keys if each.endswith("*"))
    return OneOf(key, pointer, exact, prefixes, tuple(said))


def _is_number(value: object) -> bool:
    # The bound also keeps out NaN, the infinities and integers that no float can hold.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX


def _escape(key: str) -> str:
    return key[:TEXT_LENGTH_MAX].replace("~", "~0").replace("/", "~1")
