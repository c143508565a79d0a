"""The text and the records of a CSV file, whoever wrote it."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from typing import Final

from leadway.ingest.policy.kinds._names import known_target
from leadway.ingest.policy.refusals import UnreadablePayload

DELIMITERS: Final = (";", ",", "\t")
LINES_PER_ROW_MAX: Final = 200
_HINT: Final = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_LINES: Final = re.compile(r"\r\n|\n|\r")
_SAMPLE_BYTES: Final = 4_096


def text_of_file(body: bytes) -> str:
    """The text: by its byte order mark, else UTF-8, else UTF-16 by its pattern of zeros, else Windows-1252.

    Raises UnreadablePayload.
    """
    try:
        return _decoded(body)
    except UnicodeDecodeError as wrong:
        raise UnreadablePayload(
            f"The file is no text in {wrong.encoding}: byte {wrong.start} is out of place."
        ) from None


def _decoded(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16")
    sample = body[:_SAMPLE_BYTES]
    if len(sample) > 1 and sample[1::2].count(0) > len(sample) // 4:
        return body.decode("utf-16-le")
    if len(sample) > 1 and sample[::2].count(0) > len(sample) // 4:
        return body.decode("utf-16-be")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Five bytes mean nothing in Windows-1252; they are shown as unknown instead of losing the file.
        return body.decode("cp1252", errors="replace")


def lines_of(text: str) -> list[str]:
    """The lines, split at line ends only: never at the other characters that Unicode calls separators."""
    return [line + "\n" for line in _LINES.split(text)]


def delimiter_of(lines: list[str]) -> tuple[str, int]:
    """What parts the cells, and the index of the header's line: by Excel's `sep=` line, else by which makes most known
    column names of the header.
    """
    start = next((index for index, line in enumerate(lines) if line.strip()), 0)
    hint = _HINT.fullmatch(lines[start].lstrip("﻿"))
    if hint:
        return hint.group(1), start + 1
    return max(DELIMITERS, key=lambda each: _score(lines[start], each)), start


def _score(line: str, delimiter: str) -> tuple[int, int]:
    cells = next(csv.reader([line], delimiter=delimiter), list[str]())
    return sum(known_target(cell) is not None for cell in cells), len(cells)


def records(lines: Sequence[str], start: int, delimiter: str) -> Iterator[list[str] | str]:
    """The cells of each record, or what is wrong with it as text. One broken record does not take the next with it:
    reading goes on in the line after the one where it began.
    """
    at = start
    while at < len(lines):
        taken = _Taken(lines, at)
        try:
            cells = next(csv.reader(taken, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except csv.Error:
            at += 1
            yield "has a quotation mark that is out of place or never closed, or a cell that is too long"
        else:
            at = taken.next
            yield cells


class _Taken:
    """The lines of one record, as the reader asks for them."""

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines = lines
        self._end = min(start + LINES_PER_ROW_MAX, len(lines))
        self.next = start

    def __iter__(self) -> _Taken:
        return self

    def __next__(self) -> str:
        if self.next >= self._end:
            raise StopIteration
        self.next += 1
        return self._lines[self.next - 1]
