"""What a load comes to, told by the naive recomputation: every KPI, and every account's samples.

It imports nothing of ours, so that an error there cannot hide here.
"""

from collections.abc import Mapping
from functools import lru_cache

from tests.faults.load import KINDS, START_MS, Load
from tests.pipeline.plain import Key, Plain, Row

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
POTENTIAL = 1000


@lru_cache(maxsize=2)
def expected_rows(load: Load) -> Mapping[Key, Row]:
    """Every KPI of every account at the end, each account watched from the start to the end."""
    snapshots = [(line["account"], line["at_ms"], line["followers"]) for line in load.audience()]
    spans = dict.fromkeys(load.accounts, (START_MS, load.end_ms))
    return Plain(load.events(), snapshots, spans, [(0, POTENTIAL)]).rows(load.end_ms)


def expected_samples(load: Load, connector: str = "file") -> Samples:
    """Every sample of ``/metrics`` that carries an account, by name and labels."""
    rows = expected_rows(load)
    found: Samples = {}
    for account in load.accounts:
        whose = {"client": "fleet", "platform": "file", "account": account}
        for name, more, value in _of_account(account, rows):
            if value is not None:
                found[labelled(name, whose | more)] = value
        fed = {"connector": connector, "account": account}
        found[labelled("resonanz_account_info", whose | {"handle": ""})] = 1.0
        found[labelled("resonanz_connector_info", whose | fed)] = 1.0
        found[labelled("resonanz_connector_last_success_timestamp_seconds", fed)] = load.end_ms / 1000
        found[labelled("resonanz_connector_gap_seconds_total", fed)] = 0.0
    return found


def labelled(name: str, labels: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The key of a sample."""
    return name, tuple(sorted(labels.items()))


def _of_account(account: str, rows: Mapping[Key, Row]) -> list[tuple[str, dict[str, str], float | None]]:
    samples: list[tuple[str, dict[str, str], float | None]] = [
        (f"resonanz_interactions_{window}", {"kind": kind}, rows[account, "interactions", window, kind][0])
        for window in ("5m", "1h", "24h")
        for kind in KINDS
    ]
    velocity = rows[account, "velocity", "5m", None][0]
    samples.append(("resonanz_velocity_5m_per_minute", {}, velocity))
    samples.append(("resonanz_coverage_24h_ratio", {}, rows[account, "interactions", "24h", None][5]))
    for kpi in ("engagement_rate_by_followers", "interactions_per_potential"):
        name = f"resonanz_{kpi}_24h_per_1000"
        value, lo, hi, *_ = rows[account, kpi, "24h", None]
        samples += [(name, {}, value), (f"{name}_lo", {}, lo), (f"{name}_hi", {}, hi)]
    return samples
