"""The HTTP API: what several accounts are together, and which of them does best."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response

from resonanz_dashboards import shapes
from resonanz_dashboards.api import ClientName, KpiNames, PlatformName, Windows
from resonanz_dashboards.board_state import COMPLETE
from resonanz_dashboards.groups import Held, figures_of, held
from resonanz_dashboards.problems import ProblemError
from resonanz_dashboards.ranking import RankedKpi, RankedWindow, ranking
from resonanz_dashboards.selection import Selection
from resonanz_dashboards.viewing import PROBLEM, TheWall, Viewer, json_answer
from resonanz_streams.cohorts import total

router = APIRouter(responses=PROBLEM, tags=["figures"])


@router.get("/api/v1/clients/{client}/kpis", responses={200: {"model": shapes.GroupKpis}})
async def client_kpis(
    wall: TheWall,
    scope: Viewer,
    client: Annotated[str, Path(max_length=512)],
    *,
    platform: PlatformName = None,
    window: Windows = None,
    kpi: KpiNames = None,
) -> Response:
    """A client's figures over all its accounts, or those on one platform: one row per KPI, window and part.

    Sums are divided anew, people counted once. What is stale or missing does not enter; see `stale`.
    """
    visible = wall.visible(scope, client, platform)
    its = held(wall.board, [it for it in wall.board.entries() if visible(it.account)])
    if platform is not None and not its:
        raise _no_platform(platform)
    return await _answer(client, platform, its, Selection.of(window, kpi))


@router.get("/api/v1/platforms/{platform}/kpis", responses={200: {"model": shapes.GroupKpis}})
async def platform_kpis(
    wall: TheWall,
    scope: Viewer,
    platform: Annotated[str, Path(max_length=512)],
    *,
    window: Windows = None,
    kpi: KpiNames = None,
) -> Response:
    """The figures of all clients' accounts on a platform; an agency token is needed where tokens are.

    Potentials and target lists count once for each client. People of several clients are added: nobody can
    know them again.
    """
    if scope.client is not None:
        raise ProblemError(
            403, "agency-only", "A platform's figures are every client's; use the agency token."
        )
    its = held(wall.board, [it for it in wall.board.entries() if it.account.platform == platform])
    if not its:
        raise _no_platform(platform)
    return await _answer(None, platform, its, Selection.of(window, kpi))


def _no_platform(platform: str) -> ProblemError:
    return ProblemError(404, "unknown-platform", f"There is no account on {platform!r}; see /api/v1/clients.")


async def _answer(
    client: str | None, platform: str | None, its: Sequence[Held], selection: Selection
) -> Response:
    # In a thread: many accounts are many snapshots to decode.
    (rows,) = await asyncio.to_thread(figures_of, [its], selection.wants_figure)
    fresh = [it for it in its if it.fresh]
    coverage = total([it.coverage or 0.0 for it in fresh]) / len(its) if its else None
    head = {"client": client, "platform": platform}
    return json_answer(
        {
            **head,
            "at_ms": max((it.at_ms or 0 for it in fresh), default=None),
            "coverage": coverage,
            "state": _state(its, coverage),
            "accounts": len(its),
            "stale": [it.account for it in its if not it.fresh],
            "kpis": [{**head, **msgspec.structs.asdict(row)} for row in rows],
        }
    )


def _state(its: Sequence[Held], coverage: float | None) -> shapes.State:
    if not any(it.fresh for it in its):
        return "stale" if any(it.age_ms is not None for it in its) else "no_data"
    if not coverage:
        return "no_data"
    return "ok" if coverage >= COMPLETE and all(it.fresh for it in its) else "partial"


@router.get("/api/v1/ranking", responses={200: {"model": shapes.Ranking}})
async def ranked(
    wall: TheWall,
    scope: Viewer,
    *,
    kpi: Annotated[RankedKpi, Query()] = "engagement_rate_by_followers",
    window: Annotated[RankedWindow, Query()] = "28d",
    client: ClientName = None,
    platform: PlatformName = None,
) -> Response:
    """Accounts by their shrunken rate per 1,000, the raw rate and its interval beside it.

    What is usual is taken from all accounts that the viewer may see, whatever the filters, and no others.
    """
    visible = wall.visible(scope, client, platform)
    entries = [it for it in wall.board.entries() if scope.sees(it.account.client)]
    shown = frozenset(it.account.id for it in entries if visible(it.account))
    found = await asyncio.to_thread(ranking, held(wall.board, entries), shown, kpi, window)
    return json_answer({"kpi": kpi, "window": window, "method": "shrunken", "unit": "per_1000", **found})
