"""How the process and what stands behind it are: for probes and scrapers."""

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from resonanz_dashboards import shapes
from resonanz_dashboards.problems import ProblemError
from resonanz_dashboards.viewing import PROBLEM, Responses, TheWall, Viewer, json_answer

EXPOSITION: Final[Responses] = {
    200: {
        "description": "Prometheus text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}

router = APIRouter(responses=PROBLEM, tags=["operation"])


@router.get("/metrics", responses=EXPOSITION, response_class=StreamingResponse)
async def metrics(wall: TheWall, scope: Viewer, request: Request) -> Response:
    """The metrics of the worker behind this wall, if there is one, and those of clients, which the wall
    computes: an agency token is needed where tokens are.
    """
    if scope.client is not None:
        raise ProblemError(403, "agency-only", "Metrics hold every client's figures; use the agency token.")
    return await wall.worker.metrics(request, await wall.series.text())


@router.get("/healthz", responses={200: {"model": shapes.Health}})
async def healthz(wall: TheWall) -> Response:
    """The process is alive."""
    return json_answer({"status": "ok", "configuration": "current" if wall.is_current() else "refused"})


@router.get("/readyz", responses={200: {"model": shapes.Ready}})
async def readyz(wall: TheWall) -> Response:
    """All figures have been read, the broker answers, and so does the worker if this wall has one."""
    board = wall.board
    checks = {
        "broker": {"live": "", "starting": "Still reading the figures so far."}.get(
            board.feed, "The broker does not answer; the wall's log says why."
        ),
        "worker": await wall.worker.ready(),
    }
    missing = [sentence for sentence in checks.values() if sentence]
    if missing:
        raise ProblemError(503, "not-ready", " ".join(missing), {"checks": checks})
    return json_answer({"status": "ready"})
