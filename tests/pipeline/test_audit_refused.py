"""Lines that were refused when they were read: before a rebuild that counts them, and after it."""

from pathlib import Path
from typing import Any

from tests.brokers import Broker
from tests.counting import Counting, audited, records, settings_on
from tests.engines import NOW_MS, event
from tests.pipeline.test_audit import HOUR, MINUTE, followers
from tests.pipeline.test_audit_gaps import run, sqlite
from tests.pipeline.test_rebuild import rebuilt

from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing

AHEAD = NOW_MS + 20 * MINUTE


async def reads(settings: Any, *events: dict[str, Any], clock_ms: int = NOW_MS) -> None:
    async with Counting(settings, clock_ms=clock_ms) as worker:
        Broker(settings.broker, settings.topic_prefix).publish(*records(events))
        await worker.read()
        await worker.tick(31_000)


def test_refused_before_and_after_a_rebuild(tmp_path: Path) -> None:
    """The first is counted anew with its account configured; the second is of a time still to come."""
    broker = sqlite(tmp_path)

    async def scene() -> None:
        early, settings = settings_on(broker, "file:b"), settings_on(broker, "file:a", "file:b")
        people = followers("file:a", NOW_MS - HOUR)
        await reads(early, event(account="file:a"), event(account="file:b"), people)
        await rebuilt(settings)
        await reads(settings, event(account="file:a", id="2", at_ms=AHEAD), clock_ms=NOW_MS + MINUTE)
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.missing, report.refused) == ([], {}, 1)
        assert report.figures > 0

    run(scene())


def test_what_a_rebuild_refuses_too_is_not_counted_by_it(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        early, settings = settings_on(broker, "file:b"), settings_on(broker, "file:a", "file:b")
        await reads(early, event(account="file:a"), event(account="file:a", id="2", at_ms=AHEAD))
        await rebuilt(settings)
        await reads(settings, clock_ms=NOW_MS + MINUTE)
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.refused) == ([], 1)

    run(scene())


def test_what_was_quarantined_is_counted_by_no_rebuild(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        early, settings = settings_on(broker, "file:b"), settings_on(broker, "file:a", "file:b")
        bad = records([event(account="file:a", id="2")])[0]
        partition = next(iter(broker.publish(bad)))[1]
        place = [("topic", b"likes"), ("partition", b"%d" % partition), ("offset", b"0")]
        broker.publish(Outgoing(DEAD_LETTERS, None, bad.value, [("reason", b"quarantined"), *place]))
        await reads(early, event(account="file:a"))
        await rebuilt(settings)
        await reads(settings, clock_ms=NOW_MS + MINUTE)
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.refused) == ([], 1)

    run(scene())
