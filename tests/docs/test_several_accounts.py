"""What KPIS.md says of several accounts is what the code does."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resonanz_streams.actors import MOST
from resonanz_streams.benchmark import standings
from resonanz_streams.cohorts import Exposed
from resonanz_streams.kpis import KPIS
from resonanz_streams.net.actors import MOST_TARGETS
from resonanz_streams.shrinkage import prior_of
from tests.groups import member, numbers, snapshots_of, together
from tests.inputs import clients_with, inputs_of
from tests.nets import like, net_of_events

PAGE = (Path(__file__).parents[2] / "KPIS.md").read_text(encoding="utf-8")
CHAPTER = PAGE.partition("\n# Several accounts together\n")[2].partition("\n# ")[0]


def cells(first: str) -> list[list[str]]:
    """The rows of the table with this first heading."""
    (table,) = re.findall(rf"^\| {first} \|.*\n\|[-|:]*\|\n((?:\|.*\|\n)+)", CHAPTER, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_every_kpi_is_merged_as_the_page_says() -> None:
    told = {
        name: None if how == "–" else how
        for how, *_, names in cells("how")
        for name in re.findall("`([^`]+)`", names)
    }
    assert told == {kpi.id: kpi.merge for kpi in KPIS}


def test_what_makes_sense_within_a_client_is_named() -> None:
    (paragraph,) = re.findall(r"\*\*Several clients\.\*\* (.*?)\n\n", CHAPTER, re.DOTALL)
    named = set(re.findall("`([^`]+)`", paragraph)) - {"not_mergeable"}
    assert named == {kpi.id for kpi in KPIS if kpi.within_client}


def test_the_example_gives_the_numbers_shown() -> None:
    first, second, whole = cells("account")
    assert [first[1:4], second[1:4], whole[1:4]] == [
        ["1", "100", "10.0"], ["3", "200", "15.0"], ["4", "300", "13.3"]
    ]  # fmt: skip
    events = [like("ann", 3), *(like(name, 2, account="b") for name in ("ann", "bob", "cem"))]
    inputs = inputs_of(
        [(1, 0, 0, 0), (3, 0, 0, 0)],
        followers=[100, 200],
        potential=[1200, 1200],
        net=net_of_events(events, "ab"),
        followers_at=lambda rows, _: np.array([100.0, 200.0])[rows],
        clients=replace(clients_with(2), several=np.array([True, True])),
    )
    found = together([member(each) for each in snapshots_of(inputs, "ab")])
    rate = found["engagement_rate_by_followers", "24h", None]
    assert [f"{each:.1f}" for each in (rate.value or 0, rate.lo or 0, rate.hi or 0)] == [
        "13.3",
        "3.6",
        "34.1",
    ]
    assert f"{found['interactions_per_potential', '24h', None].value:.2f}" == "3.33"
    people = found["active_audience", "24h", "actors_per_follower"]
    assert (numbers(people), whole[4]) == ((0.01, 3.0, 300.0), "3")


def test_the_bounds_of_people_are_those_of_the_code() -> None:
    assert f"the {MOST} smallest hashes" in CHAPTER
    assert f"lists up to {MOST_TARGETS:,} people" in CHAPTER


def test_the_ranking_s_example_gives_the_numbers_shown() -> None:
    rates = [("a", 10, 100.0), ("b", 30, 100.0), ("c", 40, 200.0)]
    prior = prior_of([Exposed(name, "c", "file", count, many, 100.0) for name, count, many in rates], "all")
    shown = [f"{prior.mean:.1f}", f"{prior.variance:.4f}", f"{prior.weight(100):.3f}"]
    assert shown == ["0.2", "0.0035", "0.636"]
    assert f"{prior.shrunken(10, 100):.3f}" == "0.136"
    assert all(number in CHAPTER for number in (*shown, "0.136"))


def test_the_benchmark_s_example_gives_the_numbers_shown() -> None:
    ten = [Exposed(str(n), f"c{n % 3}", "file", 100 * n, 1000.0, 1000.0) for n in range(10)]
    found = [standings(ten)[str(n)].value for n in range(10)]
    assert found == pytest.approx([0.05 + n / 10 for n in range(10)])
