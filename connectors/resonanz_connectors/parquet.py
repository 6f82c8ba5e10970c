"""Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from resonanz_connectors.tables import RawRow, Table
from resonanz_streams.errors import ConfigurationError

_BATCH_ROWS: Final = 8192


class Unreadable(msgspec.Struct, frozen=True):
    """A cell that Python has no value for: text that is not UTF-8, a time beyond all calendars."""

    error: str


def read_parquet(path: Path, file: BinaryIO) -> Table:
    """The columns of a Parquet file, and its rows.

    Raises:
        ConfigurationError: it is none; or, while its rows are read, it is damaged.
    """
    try:
        opened = pq.ParquetFile(file)
    except pa.ArrowException as error:
        raise ConfigurationError(f"{path}: is not a Parquet file that can be read: {_first(error)}") from None
    return Table(tuple(opened.schema_arrow.names), _rows(path, opened))


def _rows(path: Path, opened: Any) -> Iterator[RawRow]:
    number = 0
    try:
        for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
            names = batch.schema.names
            read = [_cells(column) for column in batch.columns]
            broken = any(odd for _, odd in read)
            for cells in zip(*(column for column, _ in read), strict=True):
                number += 1
                row = dict(zip(names, cells, strict=True))
                yield _checked(number, row) if broken else RawRow(number, row)
    except pa.ArrowException as error:
        raise ConfigurationError(
            f"{path}: is damaged after row {number} ({_first(error)}); copy it again"
        ) from None


def _cells(column: Any) -> tuple[list[Any], bool]:
    """Its cells, and whether one of them may be unreadable."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # datetime knows no nanoseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return column.to_pylist(), False
    except (ValueError, OverflowError):
        return [_cell(scalar) for scalar in column], True


def _cell(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError) as error:
        return Unreadable(str(error))


def _checked(number: int, row: dict[str, Any]) -> RawRow:
    for name, cell in row.items():
        if type(cell) is Unreadable:
            shown = orjson.dumps(row, default=str)
            return RawRow(number, {}, shown, ("wrong_type", f"{name}: {cell.error}"))
    return RawRow(number, row)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
