"""The shape of what our own routes are sent."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, Self, cast

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from leadway.web._validation import steps_in

DEPTH_MAX: Final = 32
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Command(BaseModel):
    """A body of one of our own routes.

    Unknown fields are refused by name; null means absent; texts that no database can hold (a NUL, half a surrogate
    pair) and numbers that are none are refused where they are, also inside free-form fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _clean(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, dict) or isinstance(data, _Cleaned):
            return handler(data)
        cleaner = _Cleaner()
        cleaned = cleaner.clean(cast("dict[str, Any]", data), ())
        if not cleaner.found:
            return handler(cleaned)
        # Both kinds of fault in one answer: what the model finds, and what the cleaning found.
        found = list(cleaner.found)
        named = {one.get("loc", ()) for one in found}
        try:
            handler(cleaned)
        except ValidationError as error:
            # What is left of a value that was cleaned may be too short; that is no fault of what was sent.
            others = error.errors(include_url=False)
            found += [_again(one) for one in others if _place(one, cleaned) not in named]
        raise ValidationError.from_exception_data(cls.__name__, found)


class _Cleaned(dict[str, Any]):
    """An object that was cleaned as part of the one around it."""


class _Cleaner:
    """Copies JSON without nulls in objects, and notes what cannot be used."""

    def __init__(self) -> None:
        self.found: list[InitErrorDetails] = []

    def clean(self, value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, str):
            if _UNUSABLE.search(value):
                self._note(path, "holds a character that cannot be stored (NUL or half a surrogate pair)")
                return _UNUSABLE.sub("", value)
        elif isinstance(value, float):
            if not math.isfinite(value):
                self._note(path, "must be a finite number")
                return 0.0
        elif isinstance(value, dict | list):
            if len(path) >= DEPTH_MAX:
                self._note(path, f"is nested deeper than {DEPTH_MAX} levels")
                return None
            return self._clean_inside(cast("dict[str, Any] | list[Any]", value), path)
        return value

    def _clean_inside(self, value: dict[str, Any] | list[Any], path: tuple[str | int, ...]) -> Any:
        if isinstance(value, list):
            return [self.clean(item, (*path, index)) for index, item in enumerate(value)]
        cleaned = _Cleaned()
        for key, item in value.items():
            if _UNUSABLE.search(key):
                self._note(path, "has a field whose name holds a character that cannot be stored")
            elif item is not None:
                cleaned[key] = self.clean(item, (*path, key))
        return cleaned

    def _note(self, path: tuple[str | int, ...], detail: str) -> None:
        self.found.append(InitErrorDetails(type=PydanticCustomError("unusable", detail), loc=path, input=None))  # pyright: ignore[reportArgumentType]


def _place(one: Mapping[str, Any], cleaned: object) -> tuple[str | int, ...]:
    return tuple(steps_in(one["loc"], cleaned, missing=one["type"] == "missing"))


def _again(one: Mapping[str, Any]) -> InitErrorDetails:
    kind = PydanticCustomError(one["type"], str(one["msg"]).replace("{", "(").replace("}", ")"))  # pyright: ignore[reportArgumentType]
    return InitErrorDetails(type=kind, loc=one["loc"], input=one["input"])
