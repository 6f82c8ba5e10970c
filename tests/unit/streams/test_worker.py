"""A worker beside its app: heartbeats, readiness, and what ends it. The broker is a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.brokers import Broker
from tests.engines import KEY, NOW_MS
from tests.processes import free_port
from tests.stores import MemoryStore, heartbeat

from resonanz_streams.app import ResonanzApp, build_app
from resonanz_streams.errors import FencedError, RetryError, StopError
from resonanz_streams.events import encode
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import STATUS
from resonanz_streams.transports.ports import Flush, Outgoing, Record
from resonanz_streams.worker import Worker


class Told:
    """A ports.Tail that gives what it was told to, one after the other: values, or an error to raise.

    After that it is caught up and waits.
    """

    def __init__(self, *script: bytes | Exception | None) -> None:
        self._script = list(script)
        self.empty = asyncio.Event()
        self.closed = False

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        del timeout_seconds
        if not self._script:
            self.empty.set()
            await asyncio.Event().wait()
        step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return [Record(STATUS, 0, 0, b"file/file:a", step)]

    def caught_up(self) -> bool:
        return not self._script

    async def close(self) -> None:
        self.closed = True


def worker_of(
    folder: Path, tail: Told, *, port: int = 0, store: MemoryStore | None = None, tick_seconds: float = 0.05
) -> Worker:
    settings = settings_of(
        {
            "partitions": 2,
            "tick_seconds": tick_seconds,
            "clients": {"fleet": {"name": "Fleet", "accounts": ["file:a"]}},
        },
        folder=folder,
    )
    return Worker(
        settings,
        Registry(settings, KEY.encode()),
        host="127.0.0.1",
        port=port,
        clock=lambda: NOW_MS,
        store=store or MemoryStore(),
        tail=lambda: tail,
    )


async def running(worker: Worker, until: asyncio.Event) -> None:
    """Run it until then, and end it cleanly."""
    task = asyncio.create_task(worker.run())
    waiting = asyncio.create_task(until.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    worker.stop()
    waiting.cancel()
    await task


def test_heartbeats_reach_the_pipeline_and_broken_ones_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        newer = encode(heartbeat("file:b")).replace(b'"v":1', b'"v":2')
        hostile = (b'{"state":"\x95"}', b'{"x":' + b"[" * 100_000)
        tail = Told(b"{", None, b'{"v":1}', newer, *hostile, encode(heartbeat()))
        worker = worker_of(tmp_path, tail)
        await running(worker, tail.empty)
        assert set(worker.pipeline.heard.statuses) == {("file", "file:a")}
        assert tail.closed

    asyncio.run(scene())
    left_out = "a connector's heartbeat cannot be read and is left out: "
    assert [message for message in caplog.messages if "heartbeat" in message] == [
        "a connector's heartbeat cannot be read and is left out: Input data was truncated",
        "a connector's heartbeat cannot be read and is left out: Object missing required field `connector`",
        "a connector's heartbeat of version 2 is left out: update this worker",
        left_out + "'utf-8' codec can't decode byte 0x95 in position 0: invalid start byte",
        left_out + "maximum recursion depth exceeded while deserializing an object",
    ]


def test_a_broker_that_is_away_for_heartbeats_is_asked_again(tmp_path: Path) -> None:
    async def scene() -> None:
        tail = Told(RetryError("away"), encode(heartbeat()))
        worker = worker_of(tmp_path, tail)
        await running(worker, tail.empty)
        assert set(worker.pipeline.heard.statuses) == {("file", "file:a")}

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StopError("the log is broken; mend it"), "the log is broken; mend it"),
        (KeyError("x"), "connectors' heartbeats are no longer read: KeyError('x')"),
    ],
)
def test_a_worker_that_cannot_hear_ends_with_a_sentence(
    error: Exception, sentence: str, tmp_path: Path
) -> None:
    """Else every number would be called partial after a while, and nobody would know why."""

    async def scene() -> None:
        with pytest.raises(StopError) as caught:
            await asyncio.wait_for(worker_of(tmp_path, Told(error)).run(), 30)
        assert str(caught.value) == sentence

    asyncio.run(scene())


def test_it_is_ready_when_partitions_are_recovered_and_connectors_known(tmp_path: Path) -> None:
    async def scene() -> None:
        tail = Told(encode(heartbeat()))
        worker = worker_of(tmp_path, tail)
        assert worker._not_ready_because() == "no partition is assigned yet"
        worker.pipeline.recovering.update({0, 1})
        assert worker._not_ready_because() == "recovering 2 partitions"
        worker.pipeline.recovering.clear()
        await worker.pipeline.assigned(frozenset({0}))
        assert worker._not_ready_because() == "connectors' heartbeats are not read yet"
        listening = asyncio.create_task(worker._listen())
        await tail.empty.wait()
        assert worker._not_ready_because() == ""
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(scene())


def test_a_port_that_is_taken_ends_it_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        port = free_port()
        taken = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", port)
        async with taken:
            with pytest.raises(StopError, match=f"cannot listen on 127.0.0.1:{port}"):
                await worker_of(tmp_path, Told(), port=port).run()

    asyncio.run(scene())


class Written(MemoryStore):
    """``read`` is set once the state says that so many records of ``likes`` are part of it."""

    def __init__(self, records: int) -> None:
        super().__init__()
        self.read = asyncio.Event()
        self._records = records

    async def flush(self, partition: int, flush: Flush) -> None:
        await super().flush(partition, flush)
        if flush.offsets.get("likes") == self._records:
            self.read.set()


def test_a_backlog_is_flushed_when_it_is_read_not_at_the_end_of_the_tick(tmp_path: Path) -> None:
    place = Broker(f"sqlite:///{tmp_path}/resonanz.db", "")
    place.create_topics(2)
    place.publish(*[Outgoing("likes", None, b"[" * 2_000_000, partition=1) for _ in range(6)])

    async def scene() -> None:
        store = Written(6)
        worker = worker_of(tmp_path, Told(), store=store, tick_seconds=60.0)
        task = asyncio.create_task(worker.run())
        await asyncio.wait_for(store.read.wait(), 30)
        worker.stop()
        await task

    asyncio.run(scene())


def app_of(worker: Worker) -> ResonanzApp:
    return build_app(worker._settings, worker.pipeline, instance="same")


def test_a_worker_whose_write_was_fenced_hears_first_whether_its_name_was_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        worker, taken = worker_of(tmp_path, Told()), StopError("named same, too")
        app = app_of(worker)
        hearing = asyncio.create_task(worker._name_taken(app, FencedError("another writes")))
        await asyncio.sleep(0)
        await app.crash(taken)
        assert await hearing is taken
        assert await worker._name_taken(app, RetryError("the broker is away")) is taken

    asyncio.run(scene())


def test_a_worker_that_was_fenced_for_another_reason_starts_over(tmp_path: Path) -> None:
    async def scene() -> None:
        worker = worker_of(tmp_path, Told())
        assert await worker._name_taken(app_of(worker), FencedError("another writes")) is None

    asyncio.run(scene())


def test_a_clean_end_closes_the_store(tmp_path: Path) -> None:
    async def scene() -> None:
        store, tail = MemoryStore(), Told()
        await running(worker_of(tmp_path, tail, store=store), tail.empty)
        assert store.calls[-1] == "close"

    asyncio.run(scene())
