"""Conditions inside the bodies of our own routes."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pydantic import BeforeValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from leadway.conditions import BadCondition, Known, parse
from leadway.decider import Fault


def condition(known: Known) -> Any:
    """What a body's field is annotated with that holds a condition, beside `dict[str, Any]`.

    Each fault of the condition is named where it is, with all others of the body.
    """

    def read(document: Any) -> Any:
        try:
            parse(document, known)
        except BadCondition as bad:
            raise ValidationError.from_exception_data("condition", [_line(fault) for fault in bad.errors]) from None
        return document

    return BeforeValidator(read)


def _line(fault: Fault) -> InitErrorDetails:
    words = fault.detail.replace("{", "{{").replace("}", "}}")
    return InitErrorDetails(type=PydanticCustomError("condition", words), loc=_steps(fault.pointer), input=None)  # pyright: ignore[reportArgumentType]


def _steps(pointer: str) -> tuple[str | int, ...]:
    steps = (unquote(step).replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    return tuple(int(step) if step.isdecimal() else step for step in steps)
