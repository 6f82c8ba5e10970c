"""Half a year of a real community: depth of talk and shares of topics, against a recomputation in polars.

An answer to somebody's question is a comment on that question, and a comment on the answer one below it. The
topics of all of them are the question's tags.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from tests.backtests import back_tested, write_lines

from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of

DATA: Final = Path(__file__).parents[1] / "data" / "stackexchange"
DAY_MS: Final = 86_400_000
END_MS: Final = 1_535_846_400_000
STEP_MS: Final = 17 * DAY_MS + 11_223_123
INSTANTS: Final = [END_MS - number * STEP_MS for number in range(9, -1, -1)]
WINDOWS: Final = {"24h": (DAY_MS, 300_000), "7d": (7 * DAY_MS, 3_600_000), "28d": (28 * DAY_MS, 3_600_000)}
"""Length and what the old edge is rounded down to."""

UNITS: Final = 60
"""Of an interaction: no question has more than five tags."""

KEY: Final = ["at_ms", "account", "kpi", "window", "part"]


def read() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Posts of known authors with their question, and interactions on them."""
    text = dict.fromkeys(("account", "post", "parent", "actor", "id", "tags", "kind"), pl.String)
    posts = pl.read_csv(DATA / "posts.csv.gz", schema_overrides=text).drop_nulls("account")
    posts = posts.with_columns(question=pl.coalesce("parent", "post"))
    asked = posts.filter(pl.col("parent").is_null()).select(
        question="post", asker="account", topics=pl.col("tags").str.split("|")
    )
    posts = posts.join(asked, on="question", how="left").select(
        "post", "account", "time_ms", "parent", "question", "asker", "topics"
    )
    interactions = pl.read_csv(DATA / "interactions.csv.gz", schema_overrides=text)
    on = posts.select("post", "parent", "question", "asker", "topics")
    return posts, interactions.join(on, on="post", how="left")


def events() -> pl.DataFrame:
    """One row an event, with its depth: 0 of a like."""
    posts, interactions = read()
    shared = ("topics", "question", "at_ms")
    answers = posts.filter(pl.col("parent").is_not_null() & pl.col("asker").is_not_null()).select(
        account="asker", kind=pl.lit("comment"), id="answer:" + pl.col("post"),
        parent=pl.lit(None, pl.String), own=pl.col("account") == pl.col("asker"),
        depth=pl.lit(1), topics="topics", question="question", at_ms="time_ms",
    )  # fmt: skip
    said = interactions.with_columns(at_ms="time_ms", own=pl.lit(value=False))
    below = pl.col("parent").is_not_null() & pl.col("asker").is_not_null() & (pl.col("kind") == "comment")
    to_self = below & (pl.col("account") == pl.col("asker"))
    on_posts = said.filter(~to_self.fill_null(value=False)).select(
        "account", "kind", "id", parent=pl.lit(None, pl.String), own="own",
        depth=pl.when(pl.col("kind") == "comment").then(1).otherwise(0), **{name: name for name in shared},
    )  # fmt: skip
    on_answers = said.filter(below).select(
        account="asker", kind="kind", id="below:" + pl.col("id"), parent="answer:" + pl.col("post"),
        own="own", depth=pl.lit(2), **{name: name for name in shared},
    )  # fmt: skip
    return pl.concat([answers, on_posts, on_answers], how="vertical_relaxed")


def lines(told: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for row in told.iter_rows(named=True):
        line = {name: row[name] for name in ("account", "kind", "id", "parent", "own", "at_ms", "topics")}
        line |= {"object": row["question"], "thread": row["question"]}
        yield {name: value for name, value in line.items() if value is not None}


def expected(told: pl.DataFrame, now_ms: int, window: str) -> pl.DataFrame:
    """Numerator and denominator of every figure that is not null."""
    length, grain = WINDOWS[window]
    start = (now_ms - length) // grain * grain
    recent = told.filter(
        (pl.col("at_ms") > start) & (pl.col("at_ms") <= now_ms) & ~pl.col("own")
    ).with_columns(account="file:" + pl.col("account"))
    whole = recent.group_by("account").agg(whole=pl.len())
    found = [
        *counts(recent),
        *depths(recent.filter(pl.col("kind") == "comment")),
        *topics(recent, whole),
    ]
    schema = {"numerator": pl.Float64, "denominator": pl.Float64}
    columns = ["account", "kpi", "part", *schema]
    together = pl.concat([one.select(columns).cast(schema) for one in found])  # type: ignore[arg-type]
    return together.with_columns(at_ms=pl.lit(now_ms), window=pl.lit(window))


def counts(recent: pl.DataFrame) -> Iterator[pl.DataFrame]:
    none = pl.lit(None, pl.Float64)
    named = {"kpi": pl.lit("interactions"), "denominator": none}
    yield (
        recent.group_by("account").agg(numerator=pl.len()).with_columns(part=pl.lit(None, pl.String), **named)
    )
    yield recent.group_by("account", part="kind").agg(numerator=pl.len()).with_columns(**named)


def depths(comments: pl.DataFrame) -> Iterator[pl.DataFrame]:
    of_threads = comments.group_by("account", "question").agg(
        deepest=pl.col("depth").max(), mean=pl.col("depth").mean()
    )
    depth, one = pl.col("depth"), pl.lit(1)
    by_comment = comments.group_by("account")
    by_thread = of_threads.group_by("account")
    for part, of_part in (
        (None, by_comment.agg(numerator=depth.sum(), denominator=pl.len())),
        ("max", by_comment.agg(numerator=depth.max()).with_columns(denominator=one)),
        ("thread_max", by_thread.agg(numerator=pl.col("deepest").sum(), denominator=pl.len())),
        ("thread_mean", by_thread.agg(numerator=pl.col("mean").sum(), denominator=pl.len())),
    ):
        yield of_part.with_columns(kpi=pl.lit("conversation_depth"), part=pl.lit(part, pl.String))


def topics(recent: pl.DataFrame, whole: pl.DataFrame) -> Iterator[pl.DataFrame]:
    about = recent.drop_nulls("topics").with_columns(units=UNITS // pl.col("topics").list.len())
    every = about.explode("topics").group_by("account", "topics").agg(units=pl.col("units").sum())
    ranked = every.sort(["account", "units", "topics"], descending=[False, True, False])
    top = ranked.group_by("account", maintain_order=True).head(10)
    named = {"kpi": pl.lit("topic_share"), "denominator": pl.col("whole")}
    yield top.join(whole, on="account").with_columns(
        part="topic:" + pl.col("topics"), numerator=pl.col("units") / UNITS, **named
    )
    told = whole.join(top.group_by("account").agg(pl.col("units").sum()), on="account", how="left")
    rest = pl.col("whole") - pl.col("units").fill_null(0) / UNITS
    yield told.with_columns(part=pl.lit("topic:other"), numerator=rest, **named)
    of_any = whole.join(about.group_by("account").agg(any=pl.len()), on="account", how="left")
    yield of_any.with_columns(part=pl.lit(None, pl.String), numerator=pl.col("any").fill_null(0), **named)


@pytest.fixture(scope="module")
def told() -> pl.DataFrame:
    return events()


def test_depth_topics_and_counts_are_those_of_polars_for_all_accounts(
    told: pl.DataFrame, tmp_path: Path
) -> None:
    names = sorted({*read()[0]["account"], *told["account"]})
    vocabulary = told["topics"].drop_nulls().explode().unique().to_list()
    client = {
        "name": "Community",
        "accounts": [f"file:{name}" for name in names],
        "topics": {topic: [] for topic in vocabulary},
    }
    settings = settings_of({"ledger_max_mb": 16, "clients": {"community": client}})
    rows = back_tested(
        settings,
        Registry(settings, b"0123456789abcdef"),
        [write_lines(tmp_path / "talk.jsonl", lines(told))],
        tmp_path / "kpis.parquet",
        from_ms=INSTANTS[0],
        to_ms=END_MS,
        step_ms=STEP_MS,
        kpis=["interactions", "conversation_depth", "topic_share"],
        windows=list(WINDOWS),
        dense=True,
    )
    # What is not there, or 0 of all, is none of the groups below.
    found = pl.DataFrame(rows, infer_schema_length=None).filter(
        (pl.col("part") != "removed") | pl.col("part").is_null(),
        pl.col("value").is_not_null() & ((pl.col("kpi") != "interactions") | (pl.col("value") > 0)),
    )
    wanted = pl.concat([expected(told, now_ms, window) for now_ms in INSTANTS for window in WINDOWS])
    both = wanted.join(found, on=KEY, how="full", coalesce=True, nulls_equal=True, suffix="_found")
    for figure in ("numerator", "denominator"):
        apart = (pl.col(figure) - pl.col(f"{figure}_found")).abs() > 1e-9
        odd = both.filter(~pl.col(figure).eq_missing(pl.col(f"{figure}_found")) & apart.fill_null(value=True))
        assert odd.is_empty(), odd.head(3).to_dicts()
    assert (len(names), len(vocabulary)) == (334, 154)
    assert both["at_ms"].n_unique() == len(INSTANTS)
    assert both["account"].n_unique() > 300
    deep = both.filter((pl.col("kpi") == "conversation_depth") & (pl.col("part") == "max"))
    assert set(deep["value"].to_list()) == {1.0, 2.0}
    assert len(both) > 20_000
