"""What topic kpis.deep is told, and when."""

import json
from typing import Any

import numpy as np
import pytest
from tests.engines import NOW_MS, registry_of

from resonanz_streams.deep import DeepFigures
from resonanz_streams.deep_news import REFRESH_MS, DeepNews
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import Column

SHARE = next(kpi for kpi in KPIS if kpi.id == "topic_share")


def figures(
    *values: float, at_ms: int = NOW_MS, coverage: float = 0.5, topics: tuple[str, ...] = ()
) -> DeepFigures:
    """A whole for each account, and for the first one parts of a half each."""
    whole, none = np.array(values), np.full(len(values), np.nan)
    columns = [(SHARE, "24h", Column(None, whole, none, none, whole, whole, np.zeros(len(values), np.uint8)))]
    if topics:
        half = np.full(len(topics), 0.5)
        rows, codes = np.zeros(len(topics), np.int64), np.zeros(len(topics), np.uint8)
        columns.append((SHARE, "24h", Column(None, half, half, half, half, half, codes, rows, topics)))
    days = {"1h": np.arange(5, 5 + len(values))}
    return DeepFigures(at_ms, {"likes": 7}, {"24h": np.full(len(values), coverage)}, columns, days=days)


def told(news: DeepNews, found: DeepFigures) -> list[str]:
    """The accounts that are told of these figures, and the JSON of each."""
    news.wait(news.of(found))
    return taken(news)


def taken(news: DeepNews) -> list[str]:
    return list(records(news))


def records(news: DeepNews) -> dict[str, Any]:
    job = news.take()
    return {} if job is None else {key.decode(): json.loads(value) for key, value in job()}


@pytest.fixture
def news() -> DeepNews:
    return DeepNews(registry_of("file:a", "file:b").accounts_of(0), every_tick=False)


def test_a_record_is_a_snapshot_as_of_its_own_time(news: DeepNews) -> None:
    news.wait(news.of(figures(0.25, np.nan, topics=("topic:rye",))))
    first, second = records(news).values()
    entries: list[dict[str, Any]] = first.pop("kpis")
    assert first == {
        "v": 1, "at_ms": NOW_MS, "client": "fleet", "platform": "file", "account": "file:a",
        "coverage": 0.5, "read": {"likes": 7}, "days": {"1h": 5},
    }  # fmt: skip
    assert [(entry["part"], entry["value"]) for entry in entries] == [(None, 0.25), ("topic:rye", 0.5)]
    assert ([entry["value"] for entry in second["kpis"]], second["days"]) == ([None], {"1h": 6})


def test_only_accounts_with_other_figures_are_told_again(news: DeepNews) -> None:
    assert told(news, figures(0.25, 0.75)) == ["file:a", "file:b"]
    assert told(news, figures(0.25, 0.75, at_ms=NOW_MS + 15_000)) == []
    assert told(news, figures(0.25, 0.5, at_ms=NOW_MS + 30_000)) == ["file:b"]
    assert told(news, figures(0.25, 0.5, at_ms=NOW_MS + 45_000, topics=("topic:rye",))) == ["file:a"]
    assert told(news, figures(0.25, 0.5, at_ms=NOW_MS + 60_000, topics=("topic:oat",))) == ["file:a"]


def test_coverage_that_moves_by_less_than_a_hundredth_is_no_change(news: DeepNews) -> None:
    told(news, figures(0.25, 0.75, coverage=0.901))
    assert told(news, figures(0.25, 0.75, coverage=0.902)) == []
    assert told(news, figures(0.25, 0.75, coverage=0.91)) == ["file:a", "file:b"]


def test_the_unchanged_are_told_again_after_five_minutes(news: DeepNews) -> None:
    told(news, figures(0.25, 0.75))
    assert told(news, figures(0.25, 0.75, at_ms=NOW_MS + REFRESH_MS - 1)) == []
    assert told(news, figures(0.25, 0.75, at_ms=NOW_MS + REFRESH_MS)) == ["file:a", "file:b"]


def test_by_event_time_all_are_told_whenever_it_moved() -> None:
    news = DeepNews(registry_of("file:a").accounts_of(0), every_tick=True)
    assert told(news, figures(0.25)) == ["file:a"]
    assert told(news, figures(0.25)) == []
    assert told(news, figures(0.25, at_ms=NOW_MS + 1)) == ["file:a"]


def test_many_are_told_in_several_flushes_those_told_longest_ago_first() -> None:
    """An eighth at a time, but a hundred at least; newer figures take the place of what still waits."""
    names = [f"file:{number}" for number in range(1000)]
    news = DeepNews(registry_of(*names).accounts_of(0), every_tick=False)
    news.wait(news.of(figures(*[0.25] * 1000)))
    assert taken(news) == names[:125]
    assert taken(news) == names[125:250]
    news.wait(news.of(figures(*[0.5] * 1000, at_ms=NOW_MS + 15_000)))
    later = []
    while more := taken(news):
        later.append(more)
    assert [len(more) for more in later] == [125] * 8
    assert [name for more in later for name in more] == names[250:] + names[:250]
