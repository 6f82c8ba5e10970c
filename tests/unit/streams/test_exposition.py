"""The text of the account series."""

from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.inputs import NOW_MS, inputs_of, nobody_knows
from tests.nets import comment, like, net_of_events

from resonanz_streams.deep import DeepFigures, deep_figures
from resonanz_streams.events import KINDS
from resonanz_streams.exposition import (
    CHUNK_LINES,
    DEFAULT_SERIES,
    Block,
    Family,
    Series,
    chunks,
    escape,
    families,
    label_prefix,
    metric_name,
    sample_count,
    series_of,
)
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import Column
from resonanz_streams.registry import Account

ONE = Account("file:a", "file", "bakery", "w.example", "file", 0)


def block(counts: list[tuple[int, int, int, int]], *, labels: list[str] | None = None, **known: Any) -> Block:
    names = labels or [label_prefix(ONE)] * len(counts)
    return Block(inputs_of(counts, **known), np.arange(len(counts)), names)


def text(*exported: Family) -> str:
    return b"".join(chunks(exported)).decode()


def samples(exported: str) -> dict[str, dict[str | None, float]]:
    """Per metric the value by kind, or other part."""
    found: dict[str, dict[str | None, float]] = {}
    for family in text_string_to_metric_families(exported):
        for sample in family.samples:
            part = sample.labels.get("kind") or sample.labels.get("part")
            found.setdefault(sample.name, {})[part] = sample.value
    return found


def test_the_default_list_of_the_contract() -> None:
    """Twenty an account with those of later KPIs; the coverage of 24 h and account_info stand beside it."""
    exported = text(*families([block([(3, 2, 1, 9)], followers=[300], potential=[1000])], DEFAULT_SERIES))
    found = samples(exported)
    assert found.pop("resonanz_interactions_5m") == {"like": 3, "comment": 2, "share": 1}
    assert found.pop("resonanz_interactions_1h") == {"like": 3, "comment": 2, "share": 1}
    assert found.pop("resonanz_interactions_24h") == {"like": 3, "comment": 2, "share": 1}
    assert {name: round(value[None], 3) for name, value in found.items()} == {
        "resonanz_velocity_5m_per_minute": 1.2,
        "resonanz_engagement_rate_by_followers_24h_per_1000": 20.0,
        "resonanz_engagement_rate_by_followers_24h_per_1000_lo": 7.34,
        "resonanz_engagement_rate_by_followers_24h_per_1000_hi": 43.532,
        "resonanz_interactions_per_potential_24h_per_1000": 6.0,
        "resonanz_interactions_per_potential_24h_per_1000_lo": 2.202,
        "resonanz_interactions_per_potential_24h_per_1000_hi": 13.059,
        "resonanz_coverage_24h_ratio": 1.0,
    }


def test_a_line() -> None:
    exported = text(*families([block([(3, 0, 0, 0)])], [Series("interactions", "5m", ("like",))]))
    assert exported.splitlines()[:3] == [
        "# HELP resonanz_interactions_5m Net likes, comments and shares by the audience. Last 5m.",
        "# TYPE resonanz_interactions_5m gauge",
        'resonanz_interactions_5m{client="bakery",platform="file",account="file:a",kind="like"} 3.0',
    ]


def test_what_is_null_is_absent_and_not_zero() -> None:
    found = samples(text(*families([block([(0, 0, 0, 0)], coverage=[0.0])], DEFAULT_SERIES)))
    assert found == {"resonanz_coverage_24h_ratio": {None: 0.0}}


def test_a_metric_without_samples_still_says_what_it_is() -> None:
    exported = text(*families([], DEFAULT_SERIES))
    assert exported.count("# HELP ") == exported.count("# TYPE ") == 12
    assert exported.count("\n") == 24


def test_no_time_stamps() -> None:
    """They would switch off that a series which ends goes stale."""
    exported = text(*families([block([(3, 2, 1, 9)], followers=[300])], DEFAULT_SERIES))
    assert all(len(line.rsplit("} ", 1)[1].split()) == 1 for line in exported.splitlines() if line[0] != "#")


@pytest.mark.parametrize(
    ("kpi", "window", "name"),
    [
        ("interactions", "28d", "resonanz_interactions_28d"),
        ("velocity", "5m", "resonanz_velocity_5m_per_minute"),
        ("engagement_rate_by_followers", "7d", "resonanz_engagement_rate_by_followers_7d_per_1000"),
        ("interactions_per_potential", "1h", "resonanz_interactions_per_potential_1h_per_1000"),
    ],
)
def test_names_hold_kpi_window_and_unit(kpi: str, window: str, name: str) -> None:
    assert metric_name(next(one for one in KPIS if one.id == kpi), window) == name


def test_more_is_exported_when_the_configuration_says_so() -> None:
    chosen = series_of({"interactions": ["28d"], "velocity": ["24h"], "engagement_rate_by_followers": ["1h"]})
    assert chosen[: len(DEFAULT_SERIES)] == DEFAULT_SERIES
    assert chosen[len(DEFAULT_SERIES) :] == (
        Series("interactions", "28d", (*KINDS, "authentic:like", "authentic:comment", "authentic:share")),
        Series("velocity", "24h", None, intervals=True),
        Series("engagement_rate_by_followers", "1h", None, intervals=True),
    )
    found = samples(text(*families([block([(3, 0, 0, 0)], followers=[300])], chosen)))
    assert found["resonanz_interactions_28d"] == {"like": 3, "comment": 0, "share": 0}
    assert "resonanz_velocity_24h_per_minute_hi" in found
    assert found["resonanz_velocity_24h_per_minute"] == {None: 3 / 1440, "peak": 0.0}


def test_topics_and_other_parts_have_labels_of_their_own() -> None:
    values = np.array([0.75, 0.25, 1.0])
    none, right = np.full(3, np.nan), np.zeros(3, dtype=np.uint8)
    shares = Column(
        None,
        values,
        none,
        none,
        values,
        none,
        right,
        np.array([1, 0, 1]),
        ["topic:rye", 'topic:a"b', "topic:oat"],
    )
    waits = Column("p90", np.array([5.0, 6.0]), none[:2], none[:2], none[:2], none[:2], right[:2])
    kpis = {kpi.id: kpi for kpi in KPIS}
    columns = [(kpis["topic_share"], "24h", shares), (kpis["time_to_first_response"], "24h", waits)]
    inputs = inputs_of([(1, 0, 0, 0), (2, 0, 0, 0)])
    figures = DeepFigures(NOW_MS, {}, inputs.coverage, columns)
    some = Block(inputs, np.array([1]), ['{account="y"'], figures)
    wanted = [Series("topic_share", "24h", None), Series("time_to_first_response", "24h", None)]
    lines = text(*families([some], wanted)).splitlines()
    assert [line for line in lines if line[0] != "#" and "coverage" not in line] == [
        'resonanz_topic_share_24h_ratio{account="y",topic="rye"} 0.75',
        'resonanz_topic_share_24h_ratio{account="y",topic="oat"} 1.0',
        'resonanz_time_to_first_response_24h_seconds{account="y",part="p90"} 6.0',
    ]
    both = Block(inputs, np.array([0]), ['{account="x"'], figures)
    assert '{account="x",topic="a\\"b"} 0.25\n' in text(*families([both], wanted))


def test_before_deep_kpis_are_computed_nothing_is_exported_of_them() -> None:
    exported = text(*families([block([(1, 0, 0, 0)])], [Series("response_rate", "24h")]))
    assert "resonanz_response_rate_24h_ratio{" not in exported
    assert "# TYPE resonanz_response_rate_24h_ratio gauge\n" in exported


def test_authentic_parts_have_labels_and_are_no_part_of_the_default_list() -> None:
    """They come with the deep figures, under a name of their own: a sum counts nobody twice."""
    events = [like("a", 2), like("x", 2, flags=["bot"]), comment("c", 2)]
    inputs = inputs_of([(2, 1, 0, 0)], followers=[100], net=net_of_events(events), followers_at=nobody_knows)
    figures = deep_figures(inputs, {})
    one = Block(inputs, np.array([0]), ['{account="x"'], figures)
    assert "authentic" not in text(*families([one], DEFAULT_SERIES))
    chosen = series_of({"interactions": ["24h"], "engagement_rate_by_followers": ["24h"]})
    lines = [line for line in text(*families([one], chosen)).splitlines() if "authentic" in line]
    lines = [line for line in lines if line[0] != "#"]
    name = "resonanz_engagement_rate_by_followers_authentic_24h_per_1000"
    assert [line.rpartition(" ")[0] for line in lines] == [
        'resonanz_interactions_authentic_24h{account="x",kind="like"}',
        'resonanz_interactions_authentic_24h{account="x",kind="comment"}',
        'resonanz_interactions_authentic_24h{account="x",kind="share"}',
        name + '{account="x"}',
        name + '_lo{account="x"}',
        name + '_hi{account="x"}',
    ]
    assert [float(line.rpartition(" ")[2]) for line in lines[:4]] == [1.0, 1.0, 0.0, 20.0]
    before = Block(inputs, np.array([0]), ['{account="x"'])
    assert "authentic_24h{" not in text(*families([before], chosen))
    assert samples(text(*families([one], chosen)))["resonanz_interactions_24h"].keys() == set(KINDS)


def test_the_cap_counts_authentic_parts_where_they_may_be() -> None:
    assert Series("velocity", "24h", None).most() == 2 + 1
    assert Series("interaction_mix", "24h", None).most() == 3 + 4
    assert Series("velocity", "1h", None).most() == 2
    assert Series("interactions", "24h", ("like",)).most() == 1


def test_nothing_is_exported_twice() -> None:
    chosen = series_of({"velocity": ["5m"], "interactions": ["24h", "1h"]})
    assert [(one.kpi, one.window) for one in chosen] == [(one.kpi, one.window) for one in DEFAULT_SERIES]
    assert chosen[1] == DEFAULT_SERIES[1]
    assert chosen[3] == Series("velocity", "5m", None, intervals=True)
    assert len(series_of({"velocity": ["1h", "1h"]})) == len(DEFAULT_SERIES) + 1


@pytest.mark.parametrize(
    ("value", "escaped"),
    [("a", "a"), ('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", r"a\nb"), ('\\"', r"\\\"")],
)
def test_label_values_are_escaped(value: str, escaped: str) -> None:
    assert escape(value) == escaped


@pytest.mark.parametrize(
    "name", ['file:"x"', "file:back\\slash", "file:a\\n", "file:{}=,", "file:日本", "file:a b"]
)
def test_any_account_can_be_read_back(name: str) -> None:
    account = Account(name, "file", "bakery", None, "file", 0)
    exported = text(*families([block([(3, 0, 0, 0)], labels=[label_prefix(account)])], DEFAULT_SERIES))
    read = [sample for family in text_string_to_metric_families(exported) for sample in family.samples]
    assert {sample.labels["account"] for sample in read} == {name}
    assert {sample.labels["platform"] for sample in read} == {"file"}


def test_chunks_are_short_enough_to_let_events_flow() -> None:
    many = 3 * CHUNK_LINES + 1
    labels = [f'{{account="{number}"' for number in range(many)]
    exported = families(
        [block([(1, 0, 0, 0)] * many, labels=labels)], [Series("interactions", "5m", ("like",))]
    )
    sizes = [chunk.count(b"\n") for chunk in chunks(list(exported)[:1])]
    assert sizes == [CHUNK_LINES + 2, CHUNK_LINES, CHUNK_LINES, 1]


def test_blocks_stand_together_under_their_metric() -> None:
    blocks = [block([(1, 0, 0, 0)], labels=['{account="x"']), block([(2, 0, 0, 0)], labels=['{account="y"'])]
    exported = text(*families(blocks, [Series("velocity", "5m")]))
    assert exported.count("# TYPE resonanz_velocity_5m_per_minute gauge\n") == 1
    assert 'resonanz_velocity_5m_per_minute{account="x"} 0.2\n' in exported
    assert 'resonanz_velocity_5m_per_minute{account="y"} 0.4\n' in exported


def test_only_the_chosen_rows_are_exported() -> None:
    inputs = inputs_of([(1, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0)])
    chosen = Block(inputs, np.array([2]), ['{account="z"'])
    found = samples(text(*families([chosen], [Series("interactions", "5m", ("like",))])))
    assert found["resonanz_interactions_5m"] == {"like": 3.0}


def test_the_number_of_samples_leaves_out_what_is_null() -> None:
    exported = list(families([block([(1, 0, 0, 0), (2, 0, 0, 0)], followers=[300, np.nan])], DEFAULT_SERIES))
    assert sample_count(exported) == 2 * (9 + 1 + 1) + 3
    assert sample_count(exported) == sum(line[0] != "#" for line in text(*exported).splitlines())


def test_a_counter_says_that_it_is_one() -> None:
    exported = text(Family("x_total", "X.", [(['{a="b"'], "} ", np.array([5.0]))], "counter"))
    assert exported == '# HELP x_total X.\n# TYPE x_total counter\nx_total{a="b"} 5.0\n'


def test_the_coverage_of_an_added_window_stands_beside_it() -> None:
    added = series_of({"interactions": ["28d"]})
    exported = samples(text(*families([block([(3, 2, 1, 9)], followers=[300], potential=[1000])], added)))
    assert {name for name in exported if "coverage" in name} == {
        "resonanz_coverage_24h_ratio",
        "resonanz_coverage_28d_ratio",
    }
