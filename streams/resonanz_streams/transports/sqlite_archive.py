"""The embedded log and a group's state, read beside its worker; see ports.Archive."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from resonanz_streams.transports.ports import Beginning, Record, Run
from resonanz_streams.transports.runs import runs_of
from resonanz_streams.transports.seal import opened
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_schema import existing

READ_BYTES: Final = 4 * 2**20


class SqliteArchive:
    """ports.Archive.

    Raises:
        StopError: there is no such database, or it cannot be used.
    """

    def __init__(self, url: str, *, prefix: str, group: str) -> None:
        self._log = SqliteLog(existing(url))
        self._prefix = prefix
        self._group = prefix + group

    async def state(self, partition: int) -> Mapping[bytes, bytes]:
        """See ports.Archive."""
        query = "SELECT key, value FROM state WHERE grp = ? AND partition = ?"
        with self._log.snapshot() as connection:
            rows = connection.execute(query, (self._group, partition)).fetchall()
        return {key: opened(key, value, partition) for key, value in rows}

    async def ends(self, topic: str) -> Mapping[int, int]:
        """See ports.Archive."""
        return self._log.end_offsets(self._prefix + topic)

    async def beginning(self, topic: str, partition: int) -> Beginning:
        """See ports.Archive."""
        return Beginning(*self._log.first(self._prefix + topic, partition))

    async def runs(self, topic: str, partition: int, end: int) -> AsyncIterator[Run]:
        """See ports.Archive."""
        async for records in self.records(topic, partition, 0, end):
            for run in runs_of(topic, partition, records[0].offset, records):
                yield run

    async def records(
        self, topic: str, partition: int, start: int, end: int
    ) -> AsyncIterator[Sequence[Record]]:
        """See ports.Archive."""
        while start < end:
            found = self._log.read(self._prefix + topic, partition, start, READ_BYTES)
            records = [record for record in found if record.offset < end]
            if not records:
                return
            start = records[-1].offset + 1
            yield records

    async def close(self) -> None:
        """See ports.Archive."""
        self._log.close()
