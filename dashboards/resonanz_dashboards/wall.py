"""The wall's process: the page and the HTTP API on one port, fed from the broker."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from resonanz_dashboards import api, catalogue, groups_api, operation, posts, problems, shapes
from resonanz_dashboards.access import Access, build_access, scopes_of
from resonanz_dashboards.benchmarks import REFRESH_SECONDS, keep_benchmarks
from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.client_series import ClientSeries
from resonanz_dashboards.feed import OpenTail, follow
from resonanz_dashboards.guard import Guard
from resonanz_dashboards.relay import Worker
from resonanz_dashboards.stream import Streams
from resonanz_dashboards.viewing import Wall
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.errors import StopError
from resonanz_streams.registry import Registry
from resonanz_streams.reload import Reloader
from resonanz_streams.settings import Settings
from resonanz_streams.topics import DEEP, KPIS, STATUS
from resonanz_streams.transports.brokers import open_tail, scheme_of

PAGE: Final = Path(__file__).parent / "page"
GOODBYE_SECONDS: Final = 3


def build_wall(
    board: BoardState,
    access: Access,
    tail: OpenTail,
    *,
    worker: Worker,
    heartbeat_seconds: float = 5.0,
    benchmark_seconds: float = REFRESH_SECONDS,
    reloader: Reloader | None = None,
    host: str = "127.0.0.1",
) -> FastAPI:
    """The ASGI app. It reads the broker from start-up to shutdown, and with ``reloader`` the configuration;
    ``host``: where it listens."""

    async def take(settings: Settings, registry: Registry) -> None:
        scopes = scopes_of(settings, host)  # or refuse them
        access.adopt(scopes)
        worker.token = _agency_token(settings)
        board.adopt(registry)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(follow(board, tail))]
        tasks.append(asyncio.create_task(keep_benchmarks(board, benchmark_seconds)))
        if reloader is not None:
            tasks.append(asyncio.create_task(reloader.run(take)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await worker.close()

    app = FastAPI(
        title="Resonanz",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    streams = Streams(board, heartbeat_seconds=heartbeat_seconds)
    app.state.wall = Wall(
        board, access, worker, streams, ClientSeries(board), lambda: reloader is None or reloader.successful
    )
    for part in (api, catalogue, posts, groups_api, operation):
        app.include_router(part.router)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.add_api_route("/", _index, include_in_schema=False)
    app.add_middleware(Guard, loopback_only=not access.required)
    problems.attach(app)
    _describe(app)
    return app


class WallServer(uvicorn.Server):
    """Ends the streams when it is told to stop: they would otherwise hold the shutdown up."""

    def __init__(self, app: FastAPI, board: BoardState) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,  # else it would write lines of its own kind
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GOODBYE_SECONDS,
                ws="none",
            )
        )
        self._board = board

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, and with exit code 0: uvicorn's own would raise the signal once more when all is done."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye to the viewers first."""
        self._board.close()
        await super().shutdown(sockets)


def run_wall(
    settings: Settings,
    registry: Registry,
    host: str,
    port: int,
    worker_url: str | None,
    *,
    clock: Clock = wall_ms,
    reloader: Reloader | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``reloader``: sees to it that changes of the configuration take effect.

    Raises:
        ConfigurationError: beyond loopback without a token, or an unknown broker.
        StopError: the port cannot be had.
    """
    access = build_access(settings, host)
    scheme_of(settings.broker)
    board = BoardState(registry, clock=clock, event_time=settings.clock == "event")
    worker = Worker(worker_url, _agency_token(settings))

    def tail() -> Any:
        return open_tail(settings.broker, [KPIS, DEEP, STATUS], prefix=settings.topic_prefix)

    with listen(host, port) as listener:
        app = build_wall(board, access, tail, worker=worker, reloader=reloader, host=host)
        WallServer(app, board).run(sockets=[listener])


def _agency_token(settings: Settings) -> str | None:
    token = settings.wall.agency_token
    return token.get_secret_value() if token is not None else None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        StopError: the address is taken, forbidden or not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StopError(
            f"The wall cannot listen on {host}:{port} ({error.strerror}); choose another with --port"
        ) from error
    return listener


async def _index() -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


def _describe(app: FastAPI) -> None:
    """Make /openapi.json: what FastAPI knows, and the problem document that every path may answer with."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = shapes.Problem.model_json_schema()
            schemas["Feed"] = shapes.Feed.model_json_schema()
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
