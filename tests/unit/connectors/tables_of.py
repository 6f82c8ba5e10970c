"""Short ways to write a file and to read its rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resonanz_connectors.rows import Row, read_rows
from resonanz_streams.events import Event

AT = 1_520_812_800_000
"""2018-03-12 00:00 UTC."""


def rows(
    path: Path, mapping: Mapping[str, str] | None = None, *, after: int = 0, **defaults: Any
) -> list[Row]:
    return list(read_rows(path, mapping or {}, defaults, after=after))


def events(*arguments: Any, **defaults: Any) -> list[Event]:
    return [row.record for row in rows(*arguments, **defaults) if isinstance(row.record, Event)]


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
