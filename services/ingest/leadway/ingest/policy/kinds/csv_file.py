"""A spreadsheet saved as CSV: a header in one of several languages, a lead in each row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leadway.decider import Fault
from leadway.facts.ingest import SourceMap
from leadway.ingest.policy.emails import normalise_email
from leadway.ingest.policy.kinds._draft import Draft
from leadway.ingest.policy.kinds._json import digest
from leadway.ingest.policy.kinds._names import known_target, mapped, touch_of_form
from leadway.ingest.policy.kinds._sheet import delimiter_of, lines_of, records, text_of_file
from leadway.ingest.policy.kinds._strict import escaped
from leadway.ingest.policy.refusals import BadPayload
from leadway.ingest.policy.submission import Accepted, Row, RowError
from leadway.words import squeezed

ROWS_MAX: Final = 50_000
COLUMNS_MAX: Final = 200
CELL_LENGTH_MAX: Final = 8_000
_BLANKS: Final = frozenset("- -- – — n/a na n.a. null none #n/a #null!".split())  # noqa: SIM905  words in rows read better
# What a spreadsheet would run: a formula, or the old ways of starting a program. A phone number (+49 711 …), a negative
# number, a list's dash and somebody's @name are none.
_FORMULA: Final = re.compile(r"=|@\S*[(!|]|[+\-](?=.*[(!|])(?![\d\s()./+-]*$)")
_FORMULA_IN_NAME: Final = re.compile(r"[=@]|[+\-](?![\d\s()./+-]*$)")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str  # as the header says it
    target: str | None
    pointer: str  # inside a row


@dataclass(frozen=True, slots=True)
class _Sheet:
    columns: list[_Column]
    own_map: dict[str, str]
    kind: str
    received_at: datetime


def read_csv(body: bytes, *, received_at: datetime, source_map: SourceMap) -> Iterator[Row]:
    """Read a file row by row; blank rows are passed over but counted.

    A row's key follows from its cells, so the same file sent again brings nothing new, whatever the order of its rows
    or columns. Raises BadPayload, UnreadablePayload where the file as a whole cannot be taken, before the first row is
    given.
    """
    lines = lines_of(text_of_file(body))
    delimiter, start = delimiter_of(lines)
    rows = records(lines, start, delimiter)
    own_map = mapped(source_map.fields)
    columns = _columns(next(rows, "the file is empty"), own_map)
    # Counting the rows takes a second reading: only for a file with so many lines that it can have too many.
    if len(lines) - start - 1 > ROWS_MAX and sum(1 for _ in records(lines, start, delimiter)) - 1 > ROWS_MAX:
        raise BadPayload("The file was not taken.", [Fault("#/rows", f"has too many rows: at most {ROWS_MAX}")])
    return _read(rows, _Sheet(columns, own_map, touch_of_form(source_map.events), received_at))


def _read(rows: Iterator[list[str] | str], sheet: _Sheet) -> Iterator[Row]:
    for number, cells in enumerate(rows, start=1):
        if isinstance(cells, str):
            yield Row(number, RowError((Fault(f"#/rows/{number}", cells),)))
        elif any(cell.strip() for cell in cells):
            yield Row(number, _row(f"#/rows/{number}", cells, sheet))


def _columns(header: list[str] | str, own_map: dict[str, str]) -> list[_Column]:
    if isinstance(header, str):
        raise BadPayload("The file was not taken.", [Fault("#/header", header)])
    if len(header) > COLUMNS_MAX:
        raise BadPayload("The file was not taken.", [Fault("#/header", f"has more than {COLUMNS_MAX} columns")])
    columns = [_column(index, cell.strip().lstrip("﻿"), own_map) for index, cell in enumerate(header)]
    if not any(column.target == "email" for column in columns):
        detail = "names no e-mail column; call one e-mail, or name it in the source's map"
        raise BadPayload("The file was not taken.", [Fault("#/header", detail)])
    return columns


def _column(index: int, name: str, own_map: dict[str, str]) -> _Column:
    shown = name or f"column {index + 1}"
    return _Column(shown, own_map.get(squeezed(name)) or known_target(name), escaped(shown))


def _row(pointer: str, cells: list[str], sheet: _Sheet) -> Accepted | RowError:
    width = len(sheet.columns)
    if any(cell.strip() for cell in cells[width:]):
        return RowError((Fault(pointer, f"has {len(cells)} cells, the header has {width}"),))
    faults: list[Fault] = []
    draft = Draft(sheet.own_map)
    kept: list[str] = []
    for column, cell in zip(sheet.columns, cells, strict=False):  # spreadsheets leave out blank cells at a row's end
        text = cell.strip()
        if not text or text.casefold() in _BLANKS:
            continue
        problem = _problem(column, cell)
        if problem:
            faults.append(Fault(f"{pointer}/{column.pointer}", problem))
        else:
            draft.put(column.name, text, target=column.target)
            kept.append(f"{column.target or column.name}={text}")
    key = digest("\n".join(sorted(kept)).encode())
    submission = draft.submission(occurred_at=sheet.received_at, key=key, kind=sheet.kind)
    if not submission.person.email:
        email = next(column.pointer for column in sheet.columns if column.target == "email")
        detail = "is not an e-mail address" if submission.person.email_said else "is required"
        if all(fault.pointer != f"{pointer}/{email}" for fault in faults):
            faults.append(Fault(f"{pointer}/{email}", detail))
    return RowError(tuple(faults)) if faults else Accepted(submission)


def _problem(column: _Column, cell: str) -> str | None:
    if "\0" in cell:
        return "must not contain a NUL character"
    if len(cell) > CELL_LENGTH_MAX:
        return f"is too long: at most {CELL_LENGTH_MAX} characters"
    named = column.target is not None and not column.target.startswith("fields.")
    text = cell.strip()
    if column.target == "email" and normalise_email(text):
        return None  # an address may begin with any of these signs
    if (_FORMULA_IN_NAME if named else _FORMULA).match(text):
        return "begins like a formula; a spreadsheet would run it"
    return None
