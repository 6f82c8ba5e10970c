"""The newest records of accounts that are not ours, or not yet."""

from collections import OrderedDict
from typing import Final

from resonanz_streams.transports.ports import Record

MOST: Final = 1_000
MOST_BYTES: Final = 16_000_000

Place = tuple[str, str]
"""Topic and account."""


class Strangers:
    """One record a place; beyond the bounds those go that came first.

    A worker may go by a changed configuration some seconds before the wall does, and tells the deep figures
    of a new account only once in some minutes.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[Place, Record] = OrderedDict()
        self._bytes = 0

    def keep(self, place: Place, record: Record) -> None:
        """In the place of an older one."""
        self.drop(place)
        self._records[place] = record
        self._bytes += len(record.value or b"")
        while len(self._records) > MOST or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._records)))

    def drop(self, place: Place) -> None:
        """There is none, or it is outdated."""
        record = self._records.pop(place, None)
        if record is not None:
            self._bytes -= len(record.value or b"")

    def release(self) -> list[Record]:
        """All of them, which are not kept any more."""
        records = list(self._records.values())
        self._records.clear()
        self._bytes = 0
        return records
