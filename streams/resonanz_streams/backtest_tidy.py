"""Tidy rows of KPIs into a file: Parquet in row groups, CSV, or JSON Lines; never all of it in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.kpis.base import REASONS, Column, Inputs, Kpi
from resonanz_streams.registry import Account

GROUP_ROWS: Final = 2**17
_TEXTS: Final = ("client", "platform", "account", "kpi", "window", "part", "reason")
_NUMBERS: Final = ("value", "lo", "hi", "numerator", "denominator", "coverage")
_BESIDES: Final = ("lo", "hi", "numerator", "denominator", "reason")
COLUMNS: Final = (
    *("at_ms", "client", "platform", "account", "kpi", "window", "part"),
    *(*_NUMBERS, "reason"),
)


_Piece = dict[str, NDArray[Any]]


def _schema(text: pa.DataType) -> pa.Schema:
    types = {"at_ms": pa.int64(), **dict.fromkeys(_TEXTS, text), **dict.fromkeys(_NUMBERS, pa.float64())}
    return pa.schema([(name, types[name]) for name in COLUMNS])


SCHEMA: Final = _schema(pa.string())
_CODED: Final = _schema(pa.dictionary(pa.int32(), pa.string()))


class Sink(Protocol):
    """Where tables go, one after the other."""

    def write_table(self, table: pa.Table) -> None:
        """Write a table of the coded schema."""

    def close(self) -> None:
        """Write what ends the file."""


class Tidy:
    """Makes rows of evaluated KPIs: in order of time, account, and the KPIs' own order.

    Unless ``dense``, rows whose value is null or 0 are left out. ``rows``: how many there are so far.
    """

    def __init__(self, sink: Sink, accounts: Sequence[Account], *, dense: bool) -> None:
        self.rows = 0
        self._sink = sink
        self._dense = dense
        self._accounts = {
            "client": _Words(account.client for account in accounts),
            "platform": _Words(account.platform for account in accounts),
            "account": _Words(account.id for account in accounts),
        }
        self._labels: dict[tuple[str, str, str | None], int] = {}
        self._held: list[tuple[int, dict[str, NDArray[Any]]]] = []
        self._held_rows = 0

    def add(self, inputs: Inputs, evaluated: Iterable[tuple[Kpi, str, Column]]) -> None:
        """Take the KPIs as of ``inputs.now_ms``."""
        found = list(evaluated)
        pieces = [
            *self._of_all(inputs, [one for one in found if one[2].rows is None]),
            *(self._of_some(inputs, *one) for one in found if one[2].rows is not None),
        ]
        if not pieces:
            return
        part = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        if len(pieces) > 1:
            order = np.argsort(part["account"], kind="stable")
            part = {name: values[order] for name, values in part.items()}
        if not len(part["account"]):
            return
        self._held.append((inputs.now_ms, part))
        self._held_rows += len(part["account"])
        if self._held_rows >= GROUP_ROWS:
            self._write()

    def _of_all(self, inputs: Inputs, found: Sequence[tuple[Kpi, str, Column]]) -> Iterator[_Piece]:
        """The columns that have a value of every account, account by account."""
        if not found:
            return
        value = np.stack([column.value for _, _, column in found], axis=1)
        chosen = self._chosen(value)
        accounts, places = np.nonzero(chosen)
        labels = np.array([self._label(kpi.id, window, column.part) for kpi, window, column in found])
        piece: _Piece = {
            "account": accounts.astype(np.int32),
            "label": labels[places],
            "value": value[chosen],
            "coverage": np.stack(
                [column.covered(inputs.coverage, window) for _, window, column in found], axis=1
            )[chosen],
        }
        for name in _BESIDES:
            piece[name] = np.stack([getattr(column, name) for _, _, column in found], axis=1)[chosen]
        yield piece

    def _of_some(self, inputs: Inputs, kpi: Kpi, window: str, column: Column) -> _Piece:
        """A column of parts of some accounts."""
        rows = np.zeros(0, dtype=np.int64) if column.rows is None else column.rows
        chosen = np.flatnonzero(self._chosen(column.value))
        labels = [self._label(kpi.id, window, column.parts[place]) for place in chosen.tolist()]
        piece: _Piece = {
            "account": rows[chosen].astype(np.int32),
            "label": np.array(labels, dtype=np.int64),
            "value": column.value[chosen],
            "coverage": column.covered(inputs.coverage, window)[chosen],
        }
        for name in _BESIDES:
            piece[name] = getattr(column, name)[chosen]
        return piece

    def _chosen(self, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.ones(value.shape, np.bool_) if self._dense else (value != 0) & ~np.isnan(value)

    def _label(self, kpi: str, window: str, part: str | None) -> int:
        return self._labels.setdefault((kpi, window, part), len(self._labels))

    def _write(self) -> None:
        if not self._held:
            return
        names = self._held[0][1].keys()
        whole = {name: np.concatenate([part[name] for _, part in self._held]) for name in names}
        times = [now_ms for now_ms, _ in self._held]
        arrays = {"at_ms": pa.array(np.repeat(times, [len(part["account"]) for _, part in self._held]))}
        arrays |= {name: words.of(whole["account"]) for name, words in self._accounts.items()}
        for place, name in enumerate(("kpi", "window", "part")):
            arrays[name] = _Words(label[place] for label in self._labels).of(whole["label"])
        # NaN becomes null.
        arrays |= {name: pa.array(whole[name], from_pandas=True) for name in _NUMBERS}
        arrays["reason"] = _Words(reason or None for reason in REASONS).of(whole["reason"])
        self._sink.write_table(pa.table([arrays[name] for name in COLUMNS], schema=_CODED))
        self.rows += self._held_rows
        self._held, self._held_rows = [], 0

    def finish(self) -> None:
        """Write what is left."""
        self._write()


class _Words:
    """The text of each code; None is null."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        listed = list(texts)
        words = list(dict.fromkeys(text for text in listed if text is not None))
        place = {word: number for number, word in enumerate(words)}
        self._words = pa.array(words, pa.string())
        self._places = np.array([-1 if text is None else place[text] for text in listed], np.int32)

    def of(self, codes: NDArray[np.integer]) -> "pa.DictionaryArray[Any, Any]":
        """A column of the texts of ``codes``."""
        places = self._places[codes]
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), self._words)


# -- files -----


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write_table(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Nothing ends such a file."""


class _Csv:
    def __init__(self, file: IO[bytes]) -> None:
        from pyarrow.csv import CSVWriter, WriteOptions

        self._writer = CSVWriter(file, SCHEMA, write_options=WriteOptions(quoting_style="needed"))

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table.cast(SCHEMA))

    def close(self) -> None:
        self._writer.close()


def _parquet(file: IO[bytes]) -> Sink:
    from pyarrow.parquet import ParquetWriter

    # Without Arrow's own schema every reader sees the texts as plain strings.
    return ParquetWriter(file, _CODED, compression="zstd", store_schema=False)


_SINKS: Final[dict[str, Callable[[IO[bytes]], Sink]]] = {
    ".parquet": _parquet,
    ".csv": _Csv,
    ".jsonl": _JsonLines,
}


def check_out(out: Path, files: Sequence[Path]) -> None:
    """Say early what would only fail at the end.

    Raises:
        ConfigurationError: the suffix is not known, the folder is missing, or an input would be replaced.
    """
    if out.suffix.lower() not in _SINKS:
        raise ConfigurationError(f"--out {out}: the name must end in {', '.join(_SINKS)}")
    if not out.parent.is_dir():
        raise ConfigurationError(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.resolve() in {path.resolve() for path in files}:
        raise ConfigurationError(f"--out {out}: this is one of the files to read; choose another name")


@contextmanager
def written(out: Path) -> Iterator[Sink]:
    """A sink for ``out``, which appears when all of it is there; what fails leaves nothing behind.

    Raises:
        StopError: it cannot be written.
    """
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("wb") as file:
            sink = _SINKS[out.suffix.lower()](file)
            try:
                yield sink
            finally:
                sink.close()
        draft.replace(out)
    except OSError as error:
        raise StopError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
