"""What topics ``kpis`` and ``kpis.deep`` say of an account now."""

from typing import Final

import msgspec

from resonanz_streams.errors import StopError
from resonanz_streams.events import KpiSnapshot
from resonanz_streams.settings import Settings
from resonanz_streams.topics import DEEP, KPIS
from resonanz_streams.transports.brokers import open_tail
from resonanz_streams.transports.ports import Record
from resonanz_streams.unreadable import UNREADABLE

_POLL_SECONDS = 0.5
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999: no calendar of this machine goes further."""

_decoder: Final = msgspec.json.Decoder(KpiSnapshot)


class NotReadableError(Exception):
    """What stands there is no snapshot; the message says why."""


def snapshot_in(value: bytes) -> KpiSnapshot:
    """A record's value as a snapshot; who wrote it is not known.

    Raises:
        NotReadableError: it is none, or its times and offsets are none.
    """
    try:
        snapshot = _decoder.decode(value)
    except UNREADABLE as error:
        raise NotReadableError(str(error)) from None
    if not 0 <= snapshot.at_ms <= _LATEST_MS:
        raise NotReadableError(f"at_ms is {snapshot.at_ms}")
    if any(not 0 <= offset < 2**63 for offset in (snapshot.read or {}).values()):
        raise NotReadableError("read holds what is no offset")
    return snapshot


async def latest_snapshots(settings: Settings, account: str) -> list[KpiSnapshot]:
    """The newest snapshots of ``account`` that existed when this was called: that of topic ``kpis``, then
    that of ``kpis.deep``, which may be older; without those that are not there.

    Raises:
        RetryError: the broker is away.
        StopError: the broker cannot be used, there is no database, or what stands there cannot be read.
    """
    topics = [KPIS, DEEP]
    tail = open_tail(settings.broker, topics, prefix=settings.topic_prefix, asking=True)
    key = account.encode()
    newest: dict[str, Record] = {}
    try:
        while True:
            records = await tail.poll(_POLL_SECONDS)
            newest |= {record.topic: record for record in records if record.key == key}
            if tail.caught_up():
                break
    finally:
        await tail.close()
    return [_read(newest[topic], account) for topic in topics if topic in newest and newest[topic].value]


def _read(record: Record, account: str) -> KpiSnapshot:
    try:
        return snapshot_in(record.value or b"")
    except NotReadableError as error:
        raise StopError(
            f"{record.topic}/{record.partition}@{record.offset} is no snapshot of {account} ({error}): "
            "somebody else wrote it; a running worker tells it again within 30 s"
        ) from None
