"""One column of a CSV table, or one key of JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePath
from typing import Any, TextIO

from lstmtui.common.files import FormatError, parse_json
from lstmtui.data.containers.budget import Budget
from lstmtui.errors import UsageError

JSON_LINES, TABLES = (".jsonl", ".ndjson"), {".csv": ",", ".tsv": "\t"}
DELIMITERS = ",;\t|"
MAX_CELL = 1 << 24
"""Characters of one value, and of one line of JSON."""
MAX_NAMED = 12


def recognises(name: str) -> bool:
    """Return whether a file of this name has columns."""
    return PurePath(name).suffix.lower() in (*JSON_LINES, *TABLES)


def texts(path: Path, name: str, field: str, budget: Budget) -> Iterator[bytes]:
    """Yield the values of `field` that are text, each with a line end.

    A key within a key is written with a dot: "message.text". Raises UsageError where no row has the field, and where
    the file is no table.
    """
    ending, found, seen = PurePath(name).suffix.lower(), False, dict[str, None]()
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = _json_rows(file, name) if ending in JSON_LINES else _csv_rows(file, TABLES[ending])
            for row in rows:
                if len(seen) < MAX_NAMED:
                    seen |= dict.fromkeys(map(str, row))
                value = _value(row, field)
                if value is not None:
                    found = True
                    yield from budget.count([f"{value.strip()}\n".encode("utf-8", "replace")] if value.strip() else [])
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The file {name} is a table that is not UTF-8; convert it first, for example with iconv."
        ) from error
    except csv.Error as error:
        raise UsageError(f"The file {name} cannot be read as a table ({error}).") from error
    if not found:
        raise UsageError(f"The file {name} has no text in a field {field!r}; it has {', '.join(seen) or 'no rows'}.")


def _value(row: dict[Any, Any], field: str) -> str | None:
    """Return the text at a field; None where there is none."""
    if isinstance(row.get(field), str):
        return str(row[field])
    value: Any = row
    for key in field.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _json_rows(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    number = 0
    while line := file.readline(MAX_CELL + 1):
        number += 1
        if not line.strip():
            continue
        try:
            row = parse_json(line, MAX_CELL)
        except FormatError as error:
            raise UsageError(f"The file {name} is damaged in line {number:,} ({error}).") from error
        if isinstance(row, dict):
            yield row


def _csv_rows(file: TextIO, delimiter: str) -> Iterator[dict[Any, Any]]:
    csv.field_size_limit(MAX_CELL)
    head = file.readline(MAX_CELL)
    if delimiter not in head:
        delimiter = max(DELIMITERS, key=head.count) if any(map(head.count, DELIMITERS)) else delimiter
    yield from csv.DictReader(chain([head], file), delimiter=delimiter)
