"""Files that end at different times: none of them stops the event clock before the end of the last."""

import asyncio

import pytest

from resonanz_streams.coverage import CoverageBook
from resonanz_streams.events import Status
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import partition_of
from resonanz_streams.transports.ports import Flush, Recovered, Run

JUNE, JULY, AUGUST = 1_528_000_000_000, 1_530_500_000_000, 1_533_000_000_000
ACCOUNTS = ("file:a", "file:b", "file:c", "file:d", "file:e")
TWO = 2


class NoStore:
    """Keeps nothing."""

    async def recover(self, partition: int) -> Recovered:
        del partition
        return Recovered({}, {})

    async def flush(self, partition: int, flush: Flush) -> None:
        del partition, flush

    async def release(self, partition: int) -> None:
        del partition

    async def close(self) -> None:
        pass


def said(account: str, through_ms: int, *, ended: bool) -> Status:
    return Status(
        connector="file",
        account=account,
        at_ms=through_ms,
        state="ok",
        since_ms=JUNE - 1,
        complete_through_ms=through_ms,
        ended=ended,
    )


def pipeline_of(*statuses: Status) -> Pipeline:
    clients = {"fleet": {"name": "Fleet", "accounts": list(ACCOUNTS)}}
    settings = settings_of({"clock": "event", "partitions": TWO, "clients": clients})
    pipeline = Pipeline(settings, Registry(settings, b"0123456789abcdef"), NoStore(), lambda: AUGUST)
    asyncio.run(pipeline.assigned(frozenset(range(TWO))))
    for status in statuses:
        pipeline.observe(status)
    return pipeline


def apart() -> tuple[str, str]:
    """Two accounts of different partitions."""
    first = next(name for name in ACCOUNTS if partition_of(name, TWO) == 0)
    second = next(name for name in ACCOUNTS if partition_of(name, TWO) == 1)
    return first, second


def test_an_ended_file_does_not_hold_back_one_that_goes_on() -> None:
    book = CoverageBook(ACCOUNTS)
    assert not book.ended
    book.observe(said("file:a", JUNE, ended=True))
    book.observe(said("file:b", JULY, ended=False))
    assert (book.complete_through(), book.ended) == (JULY, False)
    book.observe(said("file:b", AUGUST, ended=True))
    assert (book.complete_through(), book.ended) == (AUGUST, True)


def test_an_account_goes_on_as_long_as_one_of_its_sources_does() -> None:
    book = CoverageBook(ACCOUNTS)
    book.observe(said("file:a", JULY, ended=True))
    live = said("file:a", JUNE, ended=False)
    live.connector = "other"
    book.observe(live)
    assert (book.complete_through(), book.ended) == (JULY, False)


@pytest.mark.parametrize("order", [1, -1])
def test_now_is_the_last_end_of_all_partitions(order: int) -> None:
    first, second = apart()[::order]
    pipeline = pipeline_of(said(first, JUNE, ended=False), said(second, JUNE, ended=False))
    assert pipeline.now_ms() == JUNE
    pipeline.observe(said(first, JULY, ended=True))
    assert pipeline.now_ms() == JUNE
    pipeline.observe(said(second, JULY + 1, ended=False))
    assert pipeline.now_ms() == JULY + 1
    pipeline.observe(said(second, AUGUST, ended=True))
    assert pipeline.now_ms() == AUGUST


@pytest.mark.parametrize("topic", ["likes", "audience"])
def test_an_end_counts_when_its_records_have_been_read(topic: str) -> None:
    first, _ = apart()
    status = said(first, AUGUST, ended=True)
    status.published = {f"{topic}/0": 1, "late/0": 1}
    pipeline = pipeline_of(said(first, JUNE, ended=False), status)
    assert pipeline.now_ms() == JUNE
    asyncio.run(pipeline.apply(Run(topic, 0, 0, 1, [b"{}"], [0])))
    assert pipeline.now_ms() == AUGUST


def test_what_stands_unread_when_a_partition_is_taken_over_is_waited_for() -> None:
    """One partition has been read, the other holds records that nobody has read yet."""

    class Full(NoStore):
        async def recover(self, partition: int) -> Recovered:
            return Recovered({}, {}, {"likes": 2} if partition else {})

    clients = {"fleet": {"name": "Fleet", "accounts": list(ACCOUNTS)}}
    settings = settings_of({"clock": "event", "partitions": TWO, "clients": clients})
    pipeline = Pipeline(settings, Registry(settings, b"0123456789abcdef"), Full(), lambda: AUGUST)
    asyncio.run(pipeline.assigned(frozenset(range(TWO))))
    early = next(account for account in ACCOUNTS if partition_of(account, TWO) == 0)
    pipeline.observe(said(early, JULY, ended=False))
    assert pipeline.now_ms() is None
    broken = [b"not json", b"not json"]
    asyncio.run(pipeline.apply(Run("likes", 1, 0, 2, broken, [0, 1])))
    assert pipeline.now_ms() == JULY
