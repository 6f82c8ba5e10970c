"""How what topic audience told is kept: a row of followers and one of its posts' figures for each account."""

from collections.abc import Mapping, Sequence
from typing import Final

from resonanz_streams.decode import Snapshot
from resonanz_streams.measures import Measures

ACCOUNT_PREFIX: Final = b"a/"
INSIGHT_PREFIX: Final = b"i/"


class AudienceRows:
    """The rows of one partition's accounts, whose ids are ``names``. ``measures``: where they are counted."""

    def __init__(self, measures: Measures, names: Sequence[str]) -> None:
        self._measures = measures
        self._names = names
        self._followers: set[int] = set()
        self._insights: set[int] = set()

    def add(self, snapshot: Snapshot) -> bool:
        """Take one that is not late; True if it says something new."""
        row, at_ms = snapshot.row, snapshot.at_ms
        counted = self._measures.audience.add(row, at_ms, snapshot.followers)
        if counted:
            self._followers.add(row)
        told = self._measures.insights.add(row, snapshot.post, at_ms, (snapshot.reach, snapshot.impressions))
        if told:
            self._insights.add(row)
        return counted or told

    def take(self) -> dict[bytes, bytes]:
        """Those that changed since the last call."""
        audience, insights = self._measures.audience, self._measures.insights
        rows = {self._key(ACCOUNT_PREFIX, row): audience.pack(row) for row in sorted(self._followers)}
        rows |= {self._key(INSIGHT_PREFIX, row): insights.pack(row) for row in sorted(self._insights)}
        self._followers, self._insights = set(), set()
        return rows

    def load(self, rows: Mapping[bytes, bytes]) -> None:
        """Take over what is stored among these.

        Raises:
            StopError: a row is no such row.
        """
        for row, name in enumerate(self._names):
            if (packed := rows.get(self._key(ACCOUNT_PREFIX, row))) is not None:
                self._measures.audience.unpack(row, packed, name)
            if (packed := rows.get(self._key(INSIGHT_PREFIX, row))) is not None:
                self._measures.insights.unpack(row, packed, name)

    def _key(self, prefix: bytes, row: int) -> bytes:
        return prefix + self._names[row].encode()
