"""What there is to be shown: the KPIs, what each means and why it is absent; no page must know them."""

from typing import Any, Final

from fastapi import APIRouter, Response

from resonanz_dashboards import shapes
from resonanz_dashboards.viewing import PROBLEM, Viewer, json_answer
from resonanz_streams import benchmark
from resonanz_streams.catalogue import known_kpis
from resonanz_streams.kpis.base import WHY, Kpi

_BENCHMARK: Final = {
    "kpi": benchmark.ID,
    "unit": "ratio",
    "help": "How an account does among its like.",
    "windows": [benchmark.WINDOW],
    "deep": False,
    "group": "benchmarks",
    "formula": f"the step of the percentile of {benchmark.KPI} among accounts of the platform with as many "
    "followers; its middle",
    "numerator": "",
    "denominator": "accounts of the cohort, at least",
    "interval": "the step's ends",
    "parts": {},
    "shape": "statistic",
}
"""It has no function of one account's inputs: the wall makes it of all that share."""

router: Final = APIRouter(responses=PROBLEM, tags=["figures"])


@router.get("/api/v1/kpis", responses={200: {"model": shapes.Kpis}})
async def kpis(scope: Viewer) -> Response:
    """The KPIs that are computed, in the order in which an account's figures come."""
    del scope  # the same for everyone who may look
    return json_answer(
        {
            "kpis": [*(_kpi(it) for it in known_kpis()), _BENCHMARK],
            "reasons": {it: why for it, why in WHY.items() if it},
        }
    )


def _kpi(it: Kpi) -> dict[str, Any]:
    told = {name: getattr(it, name) for name in shapes.Kpi.model_fields if name != "kpi"}
    return {"kpi": it.id, **told, "windows": list(it.windows), "parts": dict(it.parts)}
