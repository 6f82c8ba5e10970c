"""What topic ``kpis`` says of an account now."""

import msgspec

from resonanz_streams.events import KpiSnapshot
from resonanz_streams.settings import Settings
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.brokers import open_tail
from resonanz_streams.transports.ports import Record

_POLL_SECONDS = 0.5


async def latest_snapshot(settings: Settings, account: str) -> KpiSnapshot | None:
    """The newest snapshot of ``account`` that existed when this was called; None if there is none.

    Raises:
        RetryError: the broker is away.
        StopError: the broker cannot be used.
    """
    tail = open_tail(settings.broker, [KPIS], prefix=settings.topic_prefix)
    key = account.encode()
    newest: Record | None = None
    try:
        while True:
            records = await tail.poll(_POLL_SECONDS)
            newest = next((record for record in reversed(records) if record.key == key), newest)
            if tail.caught_up():
                break
    finally:
        await tail.close()
    if newest is None or newest.value is None:
        return None
    return msgspec.json.decode(newest.value, type=KpiSnapshot)
