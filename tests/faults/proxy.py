"""A wire between Kafka and everybody who speaks to it, which can be cut, delayed and throttled."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from tests.kafka_server import KafkaServer
from tests.processes import free_port

_CHUNK: Final = 16 * 1024


class Wire:
    """Forwards a loopback port to another, in a thread of its own.

    ``delay_seconds`` is what every chunk waits, ``bytes_per_second`` what each direction of a connection
    carries; both may be changed at any time. ``cuts`` counts connections that were cut.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.delay_seconds = 0.0
        self.bytes_per_second = float("inf")
        self.cuts = 0
        self._target = target
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Reset every connection and let none through meanwhile."""
        self._is_cut = True
        self.reset()
        yield
        self._is_cut = False

    def reset(self) -> None:
        """Reset every connection there is; new ones are let through, unless it is cut."""
        asyncio.run_coroutine_threadsafe(self._abort(), self._loop).result(10)

    @contextmanager
    def slow(self, *, delay_seconds: float = 0.0, bytes_per_second: float = float("inf")) -> Iterator[None]:
        """Slow meanwhile."""
        self.delay_seconds, self.bytes_per_second = delay_seconds, bytes_per_second
        yield
        self.delay_seconds, self.bytes_per_second = 0.0, float("inf")

    async def _abort(self) -> None:
        self.cuts += len(self._open)
        for writer in tuple(self._open):
            writer.transport.abort()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if self._is_cut:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(far_writer)
            self._open.add(writer)
            try:
                await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
            finally:
                self._open -= {writer, far_writer}
                far_writer.transport.abort()
        except OSError:
            pass  # the broker is away, or this side has gone
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            pause = self.delay_seconds + len(chunk) / self.bytes_per_second
            if pause:
                await asyncio.sleep(pause)
            writer.write(chunk)
            await writer.drain()
        raise ConnectionResetError  # one side has ended: so does the other


class WiredKafka(KafkaServer):
    """An Apache Kafka that tells its clients to come through a wire; it speaks to itself without."""

    def __init__(self) -> None:
        self._inner = free_port()
        self.wire = Wire(self._inner)
        super().__init__()

    @property
    def url(self) -> str:
        """Through the wire."""
        return f"kafka://127.0.0.1:{self.wire.port}"

    @property
    def plain_url(self) -> str:
        """Past the wire."""
        return f"kafka://127.0.0.1:{self._port}"

    def _more_properties(self) -> str:
        return (
            f"listeners=PLAINTEXT://127.0.0.1:{self._port},WIRED://127.0.0.1:{self._inner},"
            f"CONTROLLER://127.0.0.1:{self._controller}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self._port},WIRED://127.0.0.1:{self.wire.port}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,WIRED:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        )

    def __enter__(self) -> Self:
        self.wire.__enter__()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.wire.__exit__(kind, error, trace)
