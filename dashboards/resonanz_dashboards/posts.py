"""The posts behind an account's numbers, read from the parts of KPI ``over_performance``."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from resonanz_dashboards import shapes
from resonanz_dashboards.selection import Selection, dated_figures
from resonanz_dashboards.viewing import PROBLEM, TheWall, Viewer, json_answer
from resonanz_streams.events import KpiEntry

KPI: Final = "over_performance"
PART: Final = "post:"

router: Final = APIRouter(responses=PROBLEM, tags=["figures"])


@router.get("/api/v1/accounts/{account:path}/posts", responses={200: {"model": shapes.Posts}})
async def posts(
    wall: TheWall,
    scope: Viewer,
    account: Annotated[str, Path(description="The account as configured, e.g. bluesky:did:plc:abc.")],
    window: Annotated[Literal["24h", "7d", "28d"], Query(description="Posts published in it.")] = "7d",
) -> Response:
    """An account's own posts with most interactions, of those published in the window."""
    entry = wall.entry(scope, account)
    told = dated_figures(entry, Selection(frozenset({window}), frozenset({KPI})))
    return json_answer(
        {
            "account": entry.account.id,
            "window": window,
            "at_ms": told[0][0] if told else None,
            "posts": ranked(it for _, it in told),
            "reason": next((it.reason for _, it in told if it.part is None), None),
        }
    )


def ranked(told: Iterable[KpiEntry]) -> list[dict[str, Any]]:
    """The posts among these entries: most interactions first, of equal ones by name."""
    found = [_post(it) for it in told if it.part is not None and it.part.startswith(PART)]
    return sorted(found, key=lambda it: (-(it["interactions"] or 0.0), it["post"]))


def _post(it: KpiEntry) -> dict[str, Any]:
    assert it.part is not None  # noqa: S101  # ranked() passes posts only
    return {
        "post": it.part.removeprefix(PART),
        "interactions": it.numerator,
        "expected": it.denominator,
        "over_performance": it.value,
        "lo": it.lo,
        "hi": it.hi,
        "coverage": it.coverage,
        "reason": it.reason,
    }
