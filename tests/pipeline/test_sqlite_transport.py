"""Faust on the embedded log: several processes append, one app reads, ends, and comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.appending import lines_of
from tests.pipeline.tiny import Book, tiny_app
from tests.processes import Process, wait_until

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.errors import ConfigurationError, RetryError, StopError
from resonanz_streams.topics import TOPICS as SPECS
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.transports.runs import RUN_BYTES

PARTITIONS = 3


@pytest.fixture
def url(tmp_path: Path) -> str:
    return broker(tmp_path / "a log" / "größe.db")


def broker(path: Path, prefix: str = "") -> str:
    url = f"sqlite:///{path}"
    admin = open_admin(url, prefix=prefix)
    assert admin.ensure(tuple(SPECS.values()), PARTITIONS) == []
    admin.close()
    return url


def publish(url: str, *records: Outgoing, prefix: str = "") -> None:
    publisher = open_publisher(url, prefix=prefix)
    publisher.publish(records)
    publisher.close()


async def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> float:
    """Seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() - began < seconds, f"waited {seconds:.0f} s in vain until {what}"
        await asyncio.sleep(0.001)
    return loop.time() - began


@asynccontextmanager
async def running(url: str, book: Book, **settings: Any) -> AsyncIterator[Any]:
    app = tiny_app(url, book, **settings)
    # Faust's start waits for the first recovery, which some tests hold up.
    starting = asyncio.create_task(app.start())
    try:
        yield app
    finally:
        await asyncio.wait_for(app.stop(), 15)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


def test_reads_what_several_processes_append_in_order_and_comes_back_where_it_was(
    url: str, tmp_path: Path
) -> None:
    names, count = ("a", "b", "c"), 4_000
    processes = [
        Process(["-m", "tests.pipeline.appending", url, name, str(count)], tmp_path / f"{name}.log")
        for name in names
    ]

    async def first_life() -> Book:
        book = Book()
        async with running(url, book):
            await until(lambda: len(book.lines) > 2_000, "some lines are read")
        return book

    async def second_life(durable: dict[tuple[str, int], int], already: int) -> Book:
        book = Book(durable)
        async with running(url, book):
            await until(lambda: already + len(book.lines) >= len(names) * count, "every line is read")
        return book

    first = asyncio.run(first_life())
    second = asyncio.run(second_life(first.durable, len(first.lines)))
    for process in processes:
        assert process.process.wait(20) == 0, process.output()
        process.kill()
    assert first.calls == ["assigned [0, 1, 2]", "revoked [0, 1, 2]"]
    # Each run began where the one before it, in either life, had ended.
    assert not first.gaps
    assert not second.gaps
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


def test_an_idle_consumer_wakes_within_50_ms_of_an_append(url: str) -> None:
    async def main() -> list[float]:
        book, taken = Book(), []
        async with running(url, book) as app:
            await until(lambda: not app.rebalancing and bool(book.owned), "the app is ready")
            publisher = open_publisher(url)
            for number in range(20):
                publisher.publish([Outgoing("likes", b"x:1", b"%d" % number)])
                await asyncio.to_thread(publisher.flush)
                taken.append(await until(lambda wanted=number + 1: len(book.lines) == wanted, "it arrives"))  # type: ignore[misc]
            publisher.close()
        return taken

    # The median: a neighbour on the machine may hold up a single one.
    assert sorted(asyncio.run(main()))[10] < 0.05


def test_runs_are_cut_at_their_size(url: str) -> None:
    line = b"x" * 1_023
    publish(url, *[Outgoing("likes", b"x:1", line, headers=(("h", b""),)) for _ in range(1_500)])

    async def main() -> Book:
        book = Book()
        async with running(url, book):
            await until(lambda: len(book.lines) == 1_500, "all are read")
        return book

    book = asyncio.run(main())
    assert len(book.runs) >= 3
    assert max(sum(map(len, run.values)) for run in book.runs) <= RUN_BYTES
    assert not book.gaps


def test_topic_names_carry_the_prefix_only_on_the_broker(tmp_path: Path) -> None:
    url = broker(tmp_path / "log.db", "r.")
    publish(url, Outgoing("likes", b"x:1", b"1"), prefix="r.")

    async def main() -> Book:
        book = Book()
        async with running(url, book, prefix="r."):
            await until(lambda: bool(book.lines), "it is read")
        return book

    assert {run.topic for run in asyncio.run(main()).runs} == {"likes"}


def test_what_an_agent_sends_arrives(url: str) -> None:
    async def main() -> Book:
        book = Book()
        async with running(url, book) as app:
            await until(lambda: bool(book.owned), "the app is ready")
            sent = await app.topic("likes").send(key=b"x:1", value=b"hello")
            metadata = await sent
            await until(lambda: book.lines == [b"hello"], "it is read")
            assert book.runs[0].offsets == [metadata.offset]
        return book

    asyncio.run(main())


def test_nothing_is_read_before_recovery_has_ended(url: str) -> None:
    publish(url, Outgoing("likes", b"x:1", b"1"))

    async def main() -> None:
        book, may_go_on = Book(), asyncio.Event()

        async def slow() -> None:
            await may_go_on.wait()

        book.before_assigned = slow
        async with running(url, book):
            with pytest.raises(AssertionError):
                await until(lambda: bool(book.lines), "a line is read", 0.5)
            assert not book.owned
            may_go_on.set()
            await until(lambda: book.lines == [b"1"], "it is read")

    asyncio.run(main())


@pytest.mark.parametrize("error", [RetryError("the broker is away"), ValueError("a mistake of ours")])
def test_a_recovery_that_fails_stops_the_app_with_its_reason(url: str, error: Exception) -> None:
    async def main() -> None:
        book = Book()
        book.refusal = error
        async with running(url, book) as app:
            await until(lambda: app.crash_reason is not None, "the app crashes")
            assert app.crash_reason is error

    asyncio.run(main())


def test_a_missing_topic_stops_the_app_with_the_command_that_makes_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(f"sqlite:///{tmp_path}/empty.db", Book()) as app:
            await until(lambda: app.crash_reason is not None, "the app crashes")
            assert isinstance(app.crash_reason, StopError)
            assert "resonanz topics --create" in str(app.crash_reason)

    asyncio.run(main())


def test_fausts_exactly_once_is_refused(url: str) -> None:
    async def main() -> None:
        app = tiny_app(url, Book(), processing_guarantee="exactly_once")
        with pytest.raises(ConfigurationError, match="leave it out"):
            app.consumer  # noqa: B018  # Faust makes it when it is asked for

    asyncio.run(main())


def test_sigterm_ends_a_worker_that_reads(url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with (
        Process(["-m", "tests.pipeline.tiny", url, str(report)], tmp_path / "worker.log") as worker,
        Process(["-m", "tests.pipeline.appending", url, "a", "20000"], tmp_path / "appending.log") as source,
    ):
        wait_until(lambda: "reading" in worker.output(), "the worker reads")
        wait_until(lambda: _ends(url) > 20, "something is appended")
        assert worker.terminate(10) == 0, worker.output()
        assert source.process.wait(30) == 0, source.output()
    assert json.loads(report.read_text())["calls"][-1] == "revoked [0, 1, 2]"


def _ends(url: str) -> int:
    admin = open_admin(url)
    try:
        return sum(admin.end_offsets("likes").values())
    finally:
        admin.close()
