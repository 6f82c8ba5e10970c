"""What a figure came from, so that a pocket calculator comes to it too."""

import json
import re
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest
from tests.engines import registry_of
from tests.inputs import NOW_MS
from tests.unit.streams.kpis.test_kpis import INPUTS

from resonanz_streams.deep import deep_figures
from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.explanation import Explained, as_weighed, explained, number
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, WHY, WINDOWS, Kpi
from resonanz_streams.snapshots import SnapshotBook

BY_ID = {kpi.id: kpi for kpi in KPIS}
_EQUATION = re.compile(r"(?:^|; | and )([-0-9.][-0-9. ·/+]*) = (-?[0-9.]+)")


def snapshot_of(*entries: KpiEntry) -> KpiSnapshot:
    return KpiSnapshot(
        at_ms=NOW_MS,
        client="fleet",
        platform="file",
        account="file:a",
        coverage=1.0,
        kpis=entries,
        read={"likes": 7},
    )


@cache
def told_of(row: int) -> KpiSnapshot:
    """What a worker would tell of an account of INPUTS, deep figures too."""
    names = [f"file:{number}" for number in range(len(INPUTS.potential))]
    inputs = replace(INPUTS, net=None)
    book = SnapshotBook(registry_of(*names).accounts_of(0))
    told = [value for some in book.encode(np.array([row]), inputs, NOW_MS) for _, value in some]
    counts = msgspec.json.decode(told[0], type=KpiSnapshot).kpis
    deep = deep_figures(INPUTS, {}).arranged().entries(row)
    return snapshot_of(*counts, *msgspec.json.decode(msgspec.json.encode(deep), type=list[KpiEntry]))


def of(kpi: str, snapshot: KpiSnapshot, window: str = "24h") -> dict[str | None, Explained]:
    return {one.part: one for one in explained(BY_ID[kpi], snapshot, [window])}


def test_every_reason_has_a_sentence() -> None:
    assert set(WHY) == set(REASONS)
    sentences = [sentence for reason, sentence in WHY.items() if reason]
    assert all(sentence and sentence[-1] != "." for sentence in sentences)
    assert len(set(sentences)) == len(sentences)


def test_a_rate_with_its_numbers_put_in() -> None:
    entry = KpiEntry(
        "engagement_rate_by_followers", "24h", None, 1000 * 4 / 300, 3.6329, 34.1386, 4.0, 300.0, 0.5
    )
    (one,) = of("engagement_rate_by_followers", snapshot_of(entry)).values()
    assert (one.formula, one.put_in) == ("1000 · I / F", "1000 · 4 / 300 = 13.3333")
    assert one.interval == "Garwood"
    assert one.interval_put_in == (
        "χ²(0.025; 8) / 2 = 1.08987 and χ²(0.975; 10) / 2 = 10.2416; "
        "1000 · 1.08987 / 300 = 3.6329 and 1000 · 10.2416 / 300 = 34.1386"
    )
    assert (one.numerator_is, one.denominator_is) == (
        "net interactions",
        "followers, the mean over the time in which they are known",
    )
    assert (one.at_ms, one.read, one.coverage) == (NOW_MS, {"likes": 7}, 0.5)
    # 24 h end now and begin at a multiple of 5 min.
    assert one.from_ms == 1_699_913_400_000 == NOW_MS - 86_600_000


def test_a_sum_with_the_counts_of_its_window_put_in() -> None:
    counts = {None: 4.0, "like": 2.0, "comment": 1.0, "share": 1.0}
    entries = [KpiEntry("interactions", "1h", part, value) for part, value in counts.items()]
    entries.append(KpiEntry("interactions", "24h", "like", 9.0))
    weighted = KpiEntry("weighted_interactions", "1h", None, 7.0, numerator=7.0, denominator=4.0)
    snapshot = snapshot_of(*entries, weighted)
    assert of("weighted_interactions", snapshot, "1h")[None].put_in == "1·2 + 2·1 + 3·1 = 7"
    assert of("interactions", snapshot, "1h")[None].put_in == "2 + 1 + 1 = 4"
    assert of("interactions", snapshot, "1h")["like"].means == "net likes, L"
    assert of("weighted_interactions", snapshot_of(weighted), "1h")[None].put_in == "", "nobody told L, C, S"


def test_a_share_and_wilsons_interval() -> None:
    entry = KpiEntry("response_rate", "24h", None, 1 / 3, 0.0615, 0.7923, 1.0, 3.0, 1.0)
    (one,) = of("response_rate", snapshot_of(entry)).values()
    assert one.put_in == "1 / 3 = 0.333333"
    assert one.interval_put_in.endswith(" with p = 0.333333, n = 3, z = 1.96")


def test_a_kpi_of_another_time_than_its_window_names_no_beginning() -> None:
    (one,) = of(
        "interactions_change", snapshot_of(KpiEntry("interactions_change", "24h", None, 1.0))
    ).values()
    assert (one.from_ms, one.at_ms) == (None, NOW_MS)


def test_what_is_absent_says_why() -> None:
    entry = KpiEntry("interactions_per_potential", "24h", coverage=1.0, reason="no_potential")
    (one,) = of("interactions_per_potential", snapshot_of(entry)).values()
    assert (one.why, one.put_in, one.interval) == ("the client has no potential that is valid now", "", "")


def test_numbers_that_do_not_give_the_value_are_not_made_into_a_sum() -> None:
    entry = KpiEntry("applause", "24h", None, 3.0, None, None, 4.0, 2.0, 1.0)
    assert of("applause", snapshot_of(entry))[None].put_in == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1234567"),
        (13.3333333, "13.3333"),
        (1234.56789, "1234.568"),
        (-0.5, "-0.5"),
        (1 / 10080, "0.0000992063"),
    ],
)
def test_numbers_as_one_types_them(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_calculator_comes_to_each_value_and_bound(kpi: Kpi) -> None:
    equations = 0
    for row in range(len(INPUTS.potential)):
        for one in explained(kpi, told_of(row), WINDOWS):
            if kpi.shape == "quotient":
                assert bool(one.put_in) == (one.value is not None and one.numerator is not None)
            for left, right in _EQUATION.findall(f"{one.put_in}; {one.interval_put_in}"):
                assert calculated(left) == pytest.approx(float(right), rel=1e-4, abs=1e-4), one
                equations += 1
            if one.value is None:
                assert one.why
    # Of a total that is deep, L, C and S are as of another time.
    assert equations or kpi.shape == "statistic" or (kpi.deep and kpi.shape == "total")


def calculated(text: str) -> float:
    """What stands there, of numbers and · / + only."""
    return float(eval(text.replace("·", "*")))  # noqa: S307  # no letters


def test_it_can_be_written_as_json() -> None:
    (one,) = of("velocity", snapshot_of(KpiEntry("velocity", "24h", None, 1.0))).values()
    assert json.loads(msgspec.json.encode(one))["kpi"] == "velocity"


def test_a_weighted_sum_is_explained_with_the_client_s_weights() -> None:
    kinds = {"like": 2.0, "comment": 1.0, "share": 1.0}
    counts = [KpiEntry("interactions", "24h", kind, count) for kind, count in kinds.items()]
    weighted = KpiEntry("weighted_interactions", "24h", None, 6.5, numerator=6.5, denominator=4.0)
    snapshot = snapshot_of(*counts, weighted)
    kpi = as_weighed(BY_ID["weighted_interactions"], (0.5, 2.0, 3.5))
    (one,) = explained(kpi, snapshot, ["24h"])
    assert (one.formula, one.put_in) == ("0.5·L + 2·C + 3.5·S", "0.5·2 + 2·1 + 3.5·1 = 6.5")
    assert as_weighed(BY_ID["applause"], (9, 9, 9)) is BY_ID["applause"]


def test_an_authentic_part_is_explained_like_its_whole() -> None:
    entry = KpiEntry("applause", "24h", "authentic", 1.0, 0.121, 3.612, 2.0, 2.0, 1.0)
    (one,) = of("applause", snapshot_of(entry)).values()
    assert one.means == "the whole, without what is suspect or excluded"
    assert one.put_in == "2 / 2 = 1"
