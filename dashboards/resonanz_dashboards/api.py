"""The HTTP API: what is on the board, for those who may see it. The answers' shapes: shapes.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer

from resonanz_dashboards import shapes
from resonanz_dashboards.access import Access, Scope
from resonanz_dashboards.board_state import COMPLETE, STALE_MS, BoardState, Entry, Visible
from resonanz_dashboards.problems import MEDIA_TYPE, ProblemError
from resonanz_dashboards.relay import Worker
from resonanz_dashboards.stream import Filter, Streams, feed, snapshot
from resonanz_streams.events import KpiSnapshot

PAGE: Final = 1000
Responses = dict[int | str, dict[str, Any]]
PROBLEM: Final[Responses] = {
    "default": {
        "description": "A problem document (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
EVENT_STREAM: Final[Responses] = {
    200: {
        "description": (
            "Events without end. `state`: the members of Feed. `snapshots`: {snapshots: [...]}, each the "
            "latest KpiSnapshot of one account with its connectors; the event's id is where to resume."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
EXPOSITION: Final[Responses] = {
    200: {
        "description": "Prometheus text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}

ClientName = Annotated[str | None, Query(max_length=512, description="Only this client's accounts.")]
PlatformName = Annotated[str | None, Query(max_length=512, description="Only this platform's accounts.")]
Windows = Annotated[list[shapes.Window] | None, Query(description="Only these windows.")]


@dataclass(frozen=True, slots=True)
class Wall:
    """What the API is made of; one per process, in ``app.state.wall``."""

    board: BoardState
    access: Access
    worker: Worker
    streams: Streams

    def client_names(self, scope: Scope) -> Sequence[str]:
        """The clients that exist for this viewer, in the configuration's order."""
        return [name for name in self.board.registry.clients if scope.sees(name)]

    def visible(self, scope: Scope, client: str | None, platform: str | None) -> Visible:
        """The accounts that a viewer sees under these filters.

        Raises:
            ProblemError: a client that is not, or not for this viewer: the same 404.
        """
        if client is not None and client not in self.client_names(scope):
            raise ProblemError(404, "unknown-client", f"There is no client {client!r}; see /api/v1/clients.")
        return lambda it: (
            scope.sees(it.client) and client in {None, it.client} and platform in {None, it.platform}
        )


def _wall(request: Request) -> Wall:
    wall = request.app.state.wall
    assert isinstance(wall, Wall)  # noqa: S101  # set where the app is built
    return wall


def _viewer(request: Request, _: Annotated[Any, Depends(HTTPBearer(auto_error=False))]) -> Scope:
    return _wall(request).access.scope(request.headers.get("authorization"))


TheWall = Annotated[Wall, Depends(_wall)]
Viewer = Annotated[Scope, Depends(_viewer)]
router = APIRouter(responses=PROBLEM)


@router.get("/api/v1/clients", responses={200: {"model": shapes.Clients}}, tags=["figures"])
async def clients(wall: TheWall, scope: Viewer) -> Response:
    """The clients that the viewer may see."""
    accounts = [it.account for it in wall.board.entries()]
    return _json({"clients": [_client(wall, name, accounts) for name in wall.client_names(scope)]})


@router.get("/api/v1/accounts", responses={200: {"model": shapes.Accounts}}, tags=["figures"])
async def accounts(
    wall: TheWall,
    scope: Viewer,
    *,
    client: ClientName = None,
    platform: PlatformName = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = PAGE,
    after: Annotated[str | None, Query(max_length=512, description="The `next` of the page before.")] = None,
) -> Response:
    """The accounts that the viewer may see, in the configuration's order, and how they are."""
    visible = wall.visible(scope, client, platform)
    found = [it for it in wall.board.entries() if visible(it.account)]
    start = _after([it.account.id for it in found], after)
    now_ms = wall.board.now_ms()
    page = found[start : start + limit]
    following = page[-1].account.id if start + limit < len(found) else None
    body = [_account(it, now_ms) for it in page]
    return _json({**feed(wall.board), "accounts": body, "total": len(found), "next": following})


@router.get(
    "/api/v1/accounts/{account:path}/kpis", responses={200: {"model": shapes.AccountKpis}}, tags=["figures"]
)
async def account_kpis(
    wall: TheWall,
    scope: Viewer,
    account: Annotated[str, Path(description="The account as configured, e.g. bluesky:did:plc:abc.")],
    window: Windows = None,
    kpi: Annotated[list[str] | None, Query(description="Only these KPIs.")] = None,
) -> Response:
    """An account's latest figures, one row per KPI, window and part."""
    entry = wall.board.entry(account)
    if entry is None or not scope.sees(entry.account.client):
        raise ProblemError(404, "unknown-account", f"There is no account {account!r}; see /api/v1/accounts.")
    rows = _rows(entry, frozenset(window or ()), frozenset(kpi or ()))
    return _json({**_account(entry, wall.board.now_ms()), "kpis": rows})


@router.get("/api/v1/stream", responses=EVENT_STREAM, tags=["figures"], response_class=StreamingResponse)
async def stream(
    wall: TheWall,
    scope: Viewer,
    *,
    client: ClientName = None,
    platform: PlatformName = None,
    window: Windows = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Changes as they happen, as server-sent events; first everything that the viewer has not seen.

    A viewer that reads slowly gets fewer, newer figures: always the latest of each account.
    """
    if wall.streams.full:
        raise ProblemError(
            503, "too-many-streams", "This wall has too many viewers; close one, or try later."
        )
    wanted = Filter(wall.visible(scope, client, platform), frozenset(window or ()))
    return StreamingResponse(
        wall.streams.events(wanted, last_event_id),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.get("/metrics", responses=EXPOSITION, tags=["operation"], response_class=StreamingResponse)
async def metrics(wall: TheWall, scope: Viewer, request: Request) -> StreamingResponse:
    """The worker's metrics, of all clients: an agency token is needed where tokens are."""
    if scope.client is not None:
        raise ProblemError(403, "agency-only", "Metrics hold every client's figures; use the agency token.")
    return await wall.worker.metrics(request)


@router.get("/healthz", responses={200: {"model": shapes.Health}}, tags=["operation"])
async def healthz() -> Response:
    """The process is alive."""
    return _json({"status": "ok"})


@router.get("/readyz", responses={200: {"model": shapes.Ready}}, tags=["operation"])
async def readyz(wall: TheWall) -> Response:
    """All figures have been read, the broker answers, and so does the worker if this wall has one."""
    board = wall.board
    checks = {
        "broker": {"live": "", "starting": "Still reading the figures so far."}.get(
            board.feed, "The broker does not answer; see resonanz doctor."
        ),
        "worker": await wall.worker.ready(),
    }
    missing = [sentence for sentence in checks.values() if sentence]
    if missing:
        raise ProblemError(503, "not-ready", " ".join(missing), {"checks": checks})
    return _json({"status": "ready", "accounts": len(board.registry.accounts), "ignored": board.ignored})


def _json(document: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


def _after(ids: Sequence[str], after: str | None) -> int:
    if after is None:
        return 0
    if after not in ids:
        raise ProblemError(422, "invalid-request", f"after: {after!r} is not one of these accounts")
    return ids.index(after) + 1


def _client(wall: Wall, name: str, accounts: Sequence[Any]) -> dict[str, Any]:
    registry = wall.board.registry
    its = [it for it in accounts if it.client == name]
    return {
        "client": name,
        "name": registry.clients[name].name,
        "timezone": registry.clients[name].timezone,
        "potential": registry.potential_at(name, wall.board.now_ms()),
        "platforms": sorted({it.platform for it in its}),
        "accounts": len(its),
    }


def _account(entry: Entry, now_ms: int) -> dict[str, Any]:
    age_ms = None if entry.at_ms is None else max(0, now_ms - entry.at_ms)
    return {
        "account": entry.account.id,
        "client": entry.account.client,
        "platform": entry.account.platform,
        "handle": entry.account.handle,
        "at_ms": entry.at_ms,
        "age_ms": age_ms,
        "coverage": entry.coverage,
        "state": _state(age_ms, entry.coverage),
        "connectors": list(entry.connectors.values()),
    }


def _state(age_ms: int | None, coverage: float | None) -> shapes.State:
    if age_ms is None or not coverage:
        return "no_data"
    if age_ms > STALE_MS:
        return "stale"
    return "partial" if coverage < COMPLETE else "ok"


def _rows(entry: Entry, windows: frozenset[str], kpis: frozenset[str]) -> list[dict[str, Any]]:
    if entry.at_ms is None:
        return []
    decoded = msgspec.json.decode(snapshot(entry, windows), type=KpiSnapshot)
    head = {key: getattr(decoded, key) for key in ("at_ms", "client", "platform", "account")}
    return [{**head, **msgspec.structs.asdict(it)} for it in decoded.kpis if not kpis or it.kpi in kpis]
