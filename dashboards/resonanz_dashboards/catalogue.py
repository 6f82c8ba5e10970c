"""What there is to be shown: the KPIs, what each means and why it is absent; no page must know them."""

from typing import Any, Final

from fastapi import APIRouter, Response

from resonanz_dashboards import shapes
from resonanz_dashboards.viewing import PROBLEM, Viewer, json_answer
from resonanz_streams.catalogue import known_kpis
from resonanz_streams.kpis.base import WHY, Kpi

router: Final = APIRouter(responses=PROBLEM, tags=["figures"])


@router.get("/api/v1/kpis", responses={200: {"model": shapes.Kpis}})
async def kpis(scope: Viewer) -> Response:
    """The KPIs that are computed, in the order in which an account's figures come."""
    del scope  # the same for everyone who may look
    return json_answer(
        {"kpis": [_kpi(it) for it in known_kpis()], "reasons": {it: why for it, why in WHY.items() if it}}
    )


def _kpi(it: Kpi) -> dict[str, Any]:
    told = {name: getattr(it, name) for name in shapes.Kpi.model_fields if name != "kpi"}
    return {"kpi": it.id, **told, "windows": list(it.windows), "parts": dict(it.parts)}
