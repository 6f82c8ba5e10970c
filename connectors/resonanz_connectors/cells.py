"""From a cell of a file (text, a JSON or a Parquet value) to the value of a field.

Every converter raises ValueError, TypeError or OverflowError with words that say what is wrong.
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

_PLATFORM: Final = re.compile(r"^[a-z][a-z0-9_-]*:\S")
_MAGNITUDE: Final = 20
_LIST: Final = re.compile(r"[|;,]")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)
# Below this a number is so many of the unit: times numerator, or divided by denominator, is milliseconds.
_UNITS: Final = ((10**11, 1000, 1), (10**14, 1, 1), (10**17, 1, 1000), (10**20, 1, 1_000_000))


def _iso(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time; write epoch milliseconds, or such as 2026-05-01T10:00:00Z") from None


def time_ms(cell: Any) -> int:
    """Epoch milliseconds of a number, a date, or ISO 8601 text; the rule stands in rows.py."""
    if isinstance(cell, str):
        try:
            cell = _number(cell)
        except ValueError:
            return _from_datetime(_iso(cell.strip()))
    if isinstance(cell, dt.datetime):
        return _from_datetime(cell)
    if isinstance(cell, dt.date):
        return _from_datetime(dt.datetime(cell.year, cell.month, cell.day, tzinfo=dt.UTC))
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        raise TypeError(f"is {type(cell).__name__}, no time")
    number: Any = cell
    for limit, numerator, denominator in _UNITS:
        if abs(number) < limit:
            return int(number * numerator) if denominator == 1 else int(number // denominator)
    raise ValueError(f"{cell} is no time")


def _number(cell: str) -> int | Decimal:
    """Decimal keeps the digits of ``1520812800.123`` that a float rounds."""
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = Decimal(cell.strip())
    except ArithmeticError:
        number = Decimal("nan")
    # Reckoning with these raises errors of Decimal's own; programs write nan for what they do not know.
    if not number.is_finite() or number.adjusted() > _MAGNITUDE:
        raise ValueError(f"{cell[:40]!r} is no number")
    return number


def _from_datetime(time: dt.datetime) -> int:
    zoned = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return (zoned - _EPOCH) // _MILLISECOND


def text(cell: Any) -> str:
    """Text without the space around it; a whole number without a point."""
    if type(cell) is str:
        return cell.strip()
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal | bytes):
        raise TypeError(f"is {type(cell).__name__}, not text")
    if isinstance(cell, bytes):
        return cell.decode()
    return str(int(cell)) if cell == int(cell) else str(cell)


def account_id(cell: Any) -> str:
    """The account as the registry names it."""
    name = text(cell)
    return name if _PLATFORM.match(name) else f"file:{name}"


def _texts(cell: Any) -> list[str]:
    parts = cell if isinstance(cell, list | tuple) else _LIST.split(text(cell))
    return [word for part in parts if (word := text(part))]


def plain(cell: Any) -> Any:
    """The cell; msgspec turns its text into what the field holds."""
    return cell.strip() if type(cell) is str else cell


CONVERTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "at_ms": time_ms,
    "seen_ms": time_ms,
    "account": account_id,
    "topics": _texts,
    "flags": _texts,
    **dict.fromkeys(("id", "source", "actor", "object", "parent", "thread", "venue_name"), text),
}
