"""Engagement KPIs with and without what is suspect or excluded."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.engines import NOW_MS, Driven, event, registry_of
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, post, share

from resonanz_streams.authentic import authentic_columns, is_authentic
from resonanz_streams.deep import DeepFigures, deep_job
from resonanz_streams.evaluation import evaluate, plainly
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import DEEP_WINDOWS, Inputs, Kpi
from resonanz_streams.net.suspects import Pattern

BY_ID = {kpi.id: kpi for kpi in KPIS}
EVENTS = (
    post("p", 20), post("q", 10),
    like("a", 9), like("b", 9), like("x", 9, flags=["bot"]),
    comment("c", 8, count=3), comment("y", 8, flags=["spam"]), share("d", 7),
    like("b2", 5, account="b"),
)  # fmt: skip
"""Of account a 3 likes, 4 comments and 1 share on 2 posts; without suspects 2, 3 and 1."""


def world(*events: dict[str, Any], counts: tuple[int, int, int] = (3, 4, 1), **more: Any) -> Inputs:
    """Accounts a and b; b has one like."""
    return inputs_of(
        [(*counts, 5), (1, 0, 0, 0)],
        followers=[200, 100],
        potential=[1000, 1000],
        posts=[2, 0],
        net=net_of_events(events or EVENTS, ("a", "b")),
        followers_at=lambda rows, _: np.full(len(rows), 200.0),
        **more,
    )


def parts(kpi: str, inputs: Inputs, window: str = "24h", row: int = 0) -> dict[str | None, Figure]:
    """What a KPI says without suspects."""
    only = replace(
        BY_ID[kpi], compute=lambda _, __: list(authentic_columns(inputs, BY_ID[kpi], window, plainly))
    )
    return figures(only, inputs, window, row)


def values(kpi: str, inputs: Inputs, window: str = "24h") -> dict[str | None, float | None]:
    return {part: figure.value for part, figure in parts(kpi, inputs, window).items()}


def test_each_engagement_kpi_is_there_without_suspects() -> None:
    inputs = world()
    assert values("interactions", inputs) == {
        "authentic": 6.0, "authentic:like": 2.0, "authentic:comment": 3.0, "authentic:share": 1.0,
    }  # fmt: skip
    assert values("weighted_interactions", inputs) == {"authentic": 2 + 2 * 3 + 3 * 1}
    assert values("velocity", inputs) == {"authentic": 6 / 1440}
    assert values("engagement_rate_by_followers", inputs) == {"authentic": 30.0}
    assert values("interactions_per_potential", inputs) == {"authentic": 6.0}
    assert values("applause", inputs) == {"authentic": 1.0}
    assert values("conversation", inputs) == {"authentic": 1.5}
    assert values("amplification", inputs) == {"authentic": 0.5}
    assert values("interaction_mix", inputs) == {
        "authentic:like": 2 / 6, "authentic:comment": 3 / 6, "authentic:share": 1 / 6,
    }  # fmt: skip


def test_posts_have_their_rate_without_suspects() -> None:
    """8 and 6 interactions on p, none on q; 200 followers each."""
    inputs = world()
    assert figures(BY_ID["engagement_rate_by_post"], inputs)[None].value == pytest.approx(1000 * 8 / 200 / 2)
    assert values("engagement_rate_by_post", inputs) == {"authentic": pytest.approx(1000 * 6 / 200 / 2)}


def test_they_have_intervals_numerator_and_denominator_like_any_other_part() -> None:
    expected = figures(BY_ID["applause"], world(counts=(2, 3, 1)))[None]
    assert parts("applause", world())["authentic"] == expected
    assert (expected.numerator, expected.denominator) == (2.0, 2.0)


def test_an_account_of_which_nothing_is_suspect_has_no_such_part() -> None:
    assert parts("interactions", world(), row=1) == {}
    assert parts("interactions", world(like("a", 5), counts=(1, 0, 0))) == {}


def test_only_windows_with_suspects_have_the_part() -> None:
    inputs = world(like("x", 48, flags=["bot"]), like("a", 5), counts=(2, 0, 0))
    found = {window: values("interactions", inputs, window).get("authentic") for window in DEEP_WINDOWS}
    assert found == {"24h": None, "7d": 1.0, "28d": 1.0}
    assert parts("interactions", inputs, "1h") == {}


def test_where_all_is_suspect_a_count_is_zero_and_a_share_says_why_it_is_absent() -> None:
    inputs = world(like("x", 5, flags=["bot"]), counts=(1, 0, 0))
    assert values("interactions", inputs)["authentic"] == 0.0
    assert {figure.reason for figure in parts("interaction_mix", inputs).values()} == {"no_interactions"}


def test_an_exclusion_that_covers_everything_leaves_zero_beside_the_whole() -> None:
    inputs = world(clients=clients_with(2, patterns=[[Pattern(0, 2**62)], []]))
    assert figures(BY_ID["interactions"], inputs)[None].value == 8.0
    assert set(values("interactions", inputs).values()) == {0.0}
    assert parts("interactions", inputs, row=1) == {}
    assert figures(BY_ID["suspicion_share"], inputs)["interactions"].numerator == 2.0


def test_a_total_that_fell_is_left_out_as_it_was_counted() -> None:
    inputs = world(comment("z", 5, count=-2, flags=["spam"]), like("a", 5), counts=(1, -2, 0))
    assert values("interactions", inputs)["authentic"] == 1.0


def test_what_is_peak_or_removed_has_no_such_part() -> None:
    assert set(parts("velocity", world())) == {"authentic"}
    assert "authentic:removed" not in parts("interactions", world())


def test_counts_that_go_further_back_than_what_stands_keep_what_is_not_known_to_be_suspect() -> None:
    assert values("interactions", world(counts=(103, 4, 1)))["authentic"] == 106.0


def test_the_engagement_kpis_have_it() -> None:
    """Those of audience, dialogue and topics count people or threads, or say themselves what is suspect."""
    assert [kpi.id for kpi in KPIS if kpi.authentic] == [
        "interactions", "weighted_interactions", "velocity", "engagement_rate_by_followers",
        "engagement_rate_by_reach", "engagement_rate_by_post", "applause", "conversation", "amplification",
        "interaction_mix", "virality", "interactions_per_potential",
    ]  # fmt: skip


@pytest.mark.parametrize("kpi", [kpi for kpi in KPIS if kpi.authentic], ids=lambda kpi: kpi.id)
def test_evaluation_adds_them_and_changes_nothing_else(kpi: Kpi) -> None:
    inputs = world()
    for window in DEEP_WINDOWS:
        found = [column.part for _, _, column in evaluate(inputs, [kpi], [window])]
        added = [part for part in found if is_authentic(part)]
        assert added
        assert [part for part in found if not is_authentic(part)] == [
            column.part for column in kpi.compute(inputs, window)
        ]


def test_without_what_stands_there_are_none() -> None:
    bare = replace(world(), net=None)
    assert not any(is_authentic(column.part) for _, _, column in evaluate(bare))


# -- in the engine -------------------------------------------------------------------------------------


def told(figures: DeepFigures) -> dict[tuple[str, str, str | None], float | None]:
    """Of the first account."""
    return {
        (entry.kpi, entry.window, entry.part): entry.value
        for entry in decoded(figures)
        if is_authentic(entry.part)
    }


def decoded(figures: DeepFigures) -> list[KpiEntry]:
    """As they are told: what is no number is null."""
    return msgspec.json.decode(encoded(figures), type=list[KpiEntry])


def encoded(figures: DeepFigures) -> bytes:
    return msgspec.json.encode(figures.arranged().entries(0))


def job_of(driven: Driven) -> DeepFigures:
    job = deep_job(driven.engine)
    assert job is not None
    return job()


def read_burst(driven: Driven) -> None:
    """21 likes of one person in 20 s, and 4 of others."""
    at_ms = NOW_MS - 600_000
    driven.read(
        *(event(id=f"b{n}", actor="x", object=f"p{n}", at_ms=at_ms + n * 1000) for n in range(21)),
        *(event(id=f"o{n}", actor=f"o{n}", object="p") for n in range(4)),
    )


def test_a_burst_is_told_beside_the_whole_also_after_a_restart() -> None:
    driven = Driven("file:a")
    read_burst(driven)
    driven.advance(NOW_MS)
    before = told(job_of(driven))
    assert before["interactions", "24h", "authentic"] == 4.0
    assert driven.counts("24h") == [25, 0, 0, 0]
    driven.flush()
    driven.restart()
    driven.advance(NOW_MS)
    assert told(job_of(driven)) == before


def test_an_exclusion_that_is_deleted_leaves_the_figures_as_they_were() -> None:
    """The very bytes: what was told before, with it, and again without it."""

    def read(*exclusions: dict[str, Any]) -> bytes:
        driven = Driven("file:a", registry=registry_of("file:a", exclusions=list(exclusions)))
        read_burst(driven)
        driven.advance(NOW_MS)
        return encoded(job_of(driven))

    wide = {"account": "file:a", "reason": "a raffle"}
    before, excluded, after = read(), read(wide), read()
    assert before == after != excluded


def test_what_is_null_without_suspects_is_told_since_a_part_that_is_missing_means_the_same() -> None:
    driven = Driven("file:a")
    driven.read(event(id="1", actor="x", object="p", flags=["bot"]))
    driven.advance(NOW_MS)
    mix = [
        entry for entry in decoded(job_of(driven)) if (entry.kpi, entry.window) == ("interaction_mix", "24h")
    ]
    assert [(entry.part, entry.value, entry.reason) for entry in mix] == [
        ("authentic:like", None, "not_covered"),
        ("authentic:comment", None, "not_covered"),
        ("authentic:share", None, "not_covered"),
    ]


def test_what_happened_at_the_window_s_old_edge_is_neither_counted_nor_left_out() -> None:
    edge = like("x", 24, flags=["bot"])
    inside = like("y", 24, at=ago(24) + 1, flags=["bot"])
    assert values("interactions", world(edge, inside, counts=(1, 0, 0)))["authentic"] == 0.0
    assert parts("interactions", world(edge, counts=(0, 0, 0))) == {}
