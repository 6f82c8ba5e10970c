"""The HTTP API: what is on the board, for those who may see it. The answers' shapes: shapes.py."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from resonanz_dashboards import shapes
from resonanz_dashboards.board_state import COMPLETE, STALE_MS
from resonanz_dashboards.entries import Entry
from resonanz_dashboards.problems import ProblemError
from resonanz_dashboards.selection import Selection, dated_figures
from resonanz_dashboards.stream import Filter, feed
from resonanz_dashboards.viewing import PROBLEM, Responses, TheWall, Viewer, Wall, json_answer
from resonanz_streams.benchmark import not_shared

PAGE: Final = 1000
EVENT_STREAM: Final[Responses] = {
    200: {
        "description": (
            "Events without end. `state`: the members of Feed. `snapshots`: {snapshots: [...]}, each the "
            "latest KpiSnapshot of one account with its connectors and when it arrived here; the event's id "
            "is where to resume."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
ClientName = Annotated[str | None, Query(max_length=512, description="Only this client's accounts.")]
PlatformName = Annotated[str | None, Query(max_length=512, description="Only this platform's accounts.")]
Windows = Annotated[list[shapes.Window] | None, Query(description="Only these windows.")]
KpiNames = Annotated[
    list[str] | None,
    Query(max_length=100, description="Only these KPIs: `velocity`, or `5m/velocity` for that window of it."),
]


router = APIRouter(responses=PROBLEM, tags=["figures"])


@router.get("/api/v1/clients", responses={200: {"model": shapes.Clients}})
async def clients(wall: TheWall, scope: Viewer) -> Response:
    """The clients that the viewer may see."""
    accounts = [it.account for it in wall.board.entries()]
    return json_answer({"clients": [_client(wall, name, accounts) for name in wall.client_names(scope)]})


@router.get("/api/v1/accounts", responses={200: {"model": shapes.Accounts}})
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
    page = found[start : start + limit]
    following = page[-1].account.id if start + limit < len(found) else None
    body = [_account(it, wall.board.age_ms(it)) for it in page]
    return json_answer({**feed(wall.board, scope), "accounts": body, "total": len(found), "next": following})


@router.get("/api/v1/accounts/{account:path}/kpis", responses={200: {"model": shapes.AccountKpis}})
async def account_kpis(
    wall: TheWall,
    scope: Viewer,
    account: Annotated[str, Path(description="The account as configured, e.g. bluesky:did:plc:abc.")],
    window: Windows = None,
    kpi: KpiNames = None,
) -> Response:
    """An account's latest figures, one row per KPI, window and part."""
    entry = wall.entry(scope, account)
    rows = _rows(
        entry, Selection.of(window, kpi), shares=wall.board.registry.clients[entry.account.client].benchmarks
    )
    return json_answer({**_account(entry, wall.board.age_ms(entry)), "kpis": rows})


@router.get("/api/v1/velocities", responses={200: {"model": shapes.Velocities}})
async def velocities(
    wall: TheWall,
    scope: Viewer,
    *,
    client: ClientName = None,
    platform: PlatformName = None,
    account: Annotated[list[str] | None, Query(max_length=100, description="These accounts' own.")] = None,
) -> Response:
    """Interactions a minute (5 min window) over the last half hour: their sum, and single accounts'.

    What this process has seen: empty right after its start, null while an account was silent or stale.
    """
    visible = wall.visible(scope, client, platform)
    shown = [it.account.id for it in wall.board.entries() if visible(it.account)]
    single = [wall.entry(scope, it).account.id for it in account or ()]
    trail = wall.board.trail
    return json_answer(
        {
            "times_ms": trail.times_ms(),
            "total": trail.total(shown),
            "accounts": {it: trail.of(it) for it in single},
        }
    )


@router.get("/api/v1/stream", responses=EVENT_STREAM, response_class=StreamingResponse)
async def stream(
    wall: TheWall,
    scope: Viewer,
    request: Request,
    *,
    client: ClientName = None,
    platform: PlatformName = None,
    window: Windows = None,
    kpi: KpiNames = None,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Changes as they happen, as server-sent events; first everything that the viewer has not seen.

    A viewer that reads slowly gets fewer, newer figures: always the latest of each account.
    """
    if wall.streams.full:
        raise ProblemError(
            503, "too-many-streams", "This wall has too many viewers; close one, or try later."
        )
    authorization = request.headers.get("authorization")
    wanted = Filter(
        scope,
        wall.visible(scope, client, platform),
        Selection.of(window, kpi),
        lambda: wall.allows(authorization, scope, client),
    )
    return StreamingResponse(
        wall.streams.events(wanted, last_event_id),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _after(ids: Sequence[str], after: str | None) -> int:
    if after is None:
        return 0
    if after not in ids:
        raise ProblemError(422, "invalid-request", f"after: {after!r} is not one of these accounts")
    return ids.index(after) + 1


def _client(wall: Wall, name: str, accounts: Sequence[Any]) -> dict[str, Any]:
    registry = wall.board.registry
    its = [it for it in accounts if it.client == name]
    voice = registry.clients[name].voice
    return {
        "client": name,
        "name": registry.clients[name].name,
        "timezone": registry.clients[name].timezone,
        "potential": registry.potential_at(name, wall.board.now_ms()),
        "venues": sorted(registry.clients[name].vocabulary.venues),
        "voice": None if voice is None else voice._asdict(),
        "platforms": sorted({it.platform for it in its}),
        "accounts": len(its),
        "exclusions": [exclusion.row() for exclusion in registry.clients[name].exclusions],
    }


def _account(entry: Entry, age_ms: int | None) -> dict[str, Any]:
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


def _rows(entry: Entry, selection: Selection, *, shares: bool) -> list[dict[str, Any]]:
    account, found = entry.account, dated_figures(entry, selection)
    if not shares and entry.at_ms is not None and selection.wants(absent := not_shared()):
        found.append((entry.at_ms, absent))
    head = {"client": account.client, "platform": account.platform, "account": account.id}
    return [{"at_ms": at_ms, **head, **msgspec.structs.asdict(it)} for at_ms, it in found]
