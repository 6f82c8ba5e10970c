"""Faust on both brokers: several processes publish, an app reads, ends, and comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import Broker
from tests.pipeline.appending import lines_of
from tests.pipeline.tiny import Book, tiny_app
from tests.processes import Process, wait_until

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.errors import ConfigurationError, RetryError, StopError
from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.transports.runs import RUN_BYTES


@pytest.fixture
def place(broker: Broker) -> Broker:
    broker.create_topics()
    return broker


async def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> float:
    """Seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() - began < seconds, f"waited {seconds:.0f} s in vain until {what}"
        await asyncio.sleep(0.001)
    return loop.time() - began


@asynccontextmanager
async def running(place: Broker, book: Book, **settings: Any) -> AsyncIterator[Any]:
    app = tiny_app(place.url, book, prefix=place.prefix, **settings)
    # Faust's start waits for the first recovery, which some tests hold up.
    starting = asyncio.create_task(app.start())
    try:
        yield app
    finally:
        await asyncio.wait_for(app.stop(), 15)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


def source(place: Broker, name: str, count: int, folder: Path) -> Process:
    """A process that publishes numbered lines."""
    words = ["-m", "tests.pipeline.appending", place.url, place.prefix, name, str(count)]
    return Process(words, folder / f"{name}.log")


def test_reads_what_several_processes_append_in_order_and_comes_back_where_it_was(
    place: Broker, tmp_path: Path
) -> None:
    names, count = ("a", "b", "c"), 4_000
    processes = [source(place, name, count, tmp_path) for name in names]

    async def first_life() -> Book:
        book = Book()
        async with running(place, book):
            await until(lambda: len(book.lines) > 2_000, "some lines are read")
        return book

    async def second_life(durable: dict[tuple[str, int], int], already: int) -> Book:
        book = Book(durable)
        async with running(place, book):
            await until(lambda: already + len(book.lines) >= len(names) * count, "every line is read")
        return book

    first = asyncio.run(first_life())
    second = asyncio.run(second_life(first.durable, len(first.lines)))
    for process in processes:
        assert process.process.wait(20) == 0, process.output()
        process.kill()
    assert first.calls == ["assigned [0, 1, 2]", "revoked [0, 1, 2]"]
    assert not first.gaps
    assert not second.gaps
    starts = {(run.topic, run.partition): run.first_offset for run in reversed(second.runs)}
    assert starts == {where: first.durable.get(where, 0) for where in starts}
    seen = first.lines + second.lines
    assert sorted(seen) == sorted(line for name in names for line in lines_of(name, count))
    # Lines of one account and topic stand in the order in which they were published.
    for name in names:
        own = [
            int(json.loads(line)["id"].split("-")[1])
            for line in seen
            if line.startswith(f'{{"id":"{name}-'.encode())
        ]
        for account in range(17):
            for topic in range(4):
                numbers = [n for n in own if n % 17 == account and n % 4 == topic]
                assert numbers == sorted(numbers)


def test_an_idle_consumer_is_woken_by_what_is_appended(place: Broker) -> None:
    async def main() -> list[float]:
        book, taken = Book(), []
        async with running(place, book) as app:
            await until(lambda: not app.rebalancing and bool(book.owned), "the app is ready")
            publisher = open_publisher(place.url, prefix=place.prefix)
            for number in range(20):
                publisher.publish([Outgoing("likes", b"x:1", b"%d" % number)])
                await asyncio.to_thread(publisher.flush)
                taken.append(await until(lambda wanted=number + 1: len(book.lines) == wanted, "it arrives"))  # type: ignore[misc]
            publisher.close()
        return taken

    # The median, and far above what it takes (5 ms): a neighbour on the machine may hold up some.
    assert sorted(asyncio.run(main()))[10] < 0.25


def test_runs_are_cut_at_their_size(place: Broker) -> None:
    line = b"x" * 1_023
    place.publish(*[Outgoing("likes", b"x:1", line, headers=(("h", b""),)) for _ in range(1_500)])

    async def main() -> Book:
        book = Book()
        async with running(place, book):
            await until(lambda: len(book.lines) == 1_500, "all are read")
        return book

    book = asyncio.run(main())
    assert len(book.runs) >= 3
    assert max(sum(map(len, run.values)) for run in book.runs) <= RUN_BYTES
    assert not book.gaps


def test_a_record_larger_than_a_run_is_one_by_itself(place: Broker) -> None:
    sizes = [700, 900, 1_900_000, 100, 600_000, 600_000, 50]
    records = [Outgoing("likes", b"x:1", b"x" * size, headers=(("h", b""),)) for size in sizes]
    place.publish(*records)

    async def main() -> Book:
        book = Book()
        async with running(place, book):
            await until(lambda: len(book.lines) == len(sizes), "all are read")
        return book

    book = asyncio.run(main())
    assert [len(value) for run in book.runs for value in run.values] == sizes
    assert all(len(run.values) == 1 or sum(map(len, run.values)) <= RUN_BYTES for run in book.runs)
    assert not book.gaps


def test_topic_names_carry_the_prefix_only_on_the_broker(broker: Broker) -> None:
    named = Broker(broker.url, f"{broker.prefix}r.")
    named.create_topics()
    named.publish(Outgoing("likes", b"x:1", b"1"))

    async def main() -> Book:
        book = Book()
        async with running(named, book):
            await until(lambda: bool(book.lines), "it is read")
        return book

    assert {run.topic for run in asyncio.run(main()).runs} == {"likes"}


def test_what_an_agent_sends_arrives(place: Broker) -> None:
    async def main() -> Book:
        book = Book()
        async with running(place, book) as app:
            await until(lambda: bool(book.owned), "the app is ready")
            sent = await app.topic(f"{place.prefix}likes").send(key=b"x:1", value=b"hello")
            metadata = await sent
            await until(lambda: book.lines == [b"hello"], "it is read")
            assert book.runs[0].offsets == [metadata.offset]
        return book

    asyncio.run(main())


def test_nothing_is_read_before_recovery_has_ended(place: Broker) -> None:
    place.publish(Outgoing("likes", b"x:1", b"1"))

    async def main() -> None:
        book, asked, may_go_on = Book(), asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            asked.set()
            await may_go_on.wait()

        book.before_assigned = slow
        async with running(place, book):
            await asyncio.wait_for(asked.wait(), 10)
            with pytest.raises(AssertionError):
                await until(lambda: bool(book.lines), "a line is read", 0.5)
            assert not book.owned
            may_go_on.set()
            await until(lambda: book.lines == [b"1"], "it is read")

    asyncio.run(main())


@pytest.mark.parametrize("error", [RetryError("the broker is away"), ValueError("a mistake of ours")])
def test_a_recovery_that_fails_stops_the_app_with_its_reason(place: Broker, error: Exception) -> None:
    async def main() -> None:
        book = Book()
        book.refusal = error
        async with running(place, book) as app:
            await until(lambda: app.crash_reason is not None, "the app crashes")
            assert app.crash_reason is error

    asyncio.run(main())


def test_a_missing_topic_stops_the_app_with_the_command_that_makes_it(broker: Broker) -> None:
    assert broker.ends("likes") == {}

    async def main() -> None:
        async with running(broker, Book()) as app:
            await until(lambda: app.crash_reason is not None, "the app crashes")
            assert isinstance(app.crash_reason, StopError)
            assert "resonanz topics --create" in str(app.crash_reason)

    asyncio.run(main())


def test_fausts_exactly_once_is_refused(place: Broker) -> None:
    async def main() -> None:
        app = tiny_app(place.url, Book(), prefix=place.prefix, processing_guarantee="exactly_once")
        with pytest.raises(ConfigurationError, match="leave it out"):
            app.consumer  # noqa: B018  # Faust makes it when it is asked for

    asyncio.run(main())


def test_sigterm_ends_a_worker_that_reads(place: Broker, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["-m", "tests.pipeline.tiny", place.url, place.prefix, str(report)]
    with (
        Process(words, tmp_path / "worker.log") as worker,
        source(place, "a", 20_000, tmp_path) as appending,
    ):
        wait_until(lambda: "reading" in worker.output(), "the worker reads")
        before = sum(place.ends("likes").values())
        wait_until(
            lambda: appending.process.poll() is not None or sum(place.ends("likes").values()) > before,
            "more is appended",
        )
        assert worker.terminate(10) == 0, worker.output()
        assert appending.process.wait(30) == 0, appending.output()
    assert json.loads(report.read_text())["calls"][-1] == "revoked [0, 1, 2]"
