"""When deep KPIs are computed, and what is told of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.engines import NOW_MS, Driven, event
from tests.inputs import clients_with, inputs_of
from tests.nets import answer, comment, net_of_events
from tests.poisoned import UnforeseenError
from tests.stores import heartbeat

from resonanz_streams.deep import DeepFigures, deep_figures, deep_job
from resonanz_streams.deep_book import DeepBook
from resonanz_streams.errors import StopError
from resonanz_streams.evaluation import KpiFailures, evaluate
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, Column, Inputs
from resonanz_streams.measures import Measures
from resonanz_streams.net.table import NetTable

HOUR = 3_600_000
BY_ID = {kpi.id: kpi for kpi in KPIS}


class Seconds:
    """Time that is set; every look costs ``look`` seconds."""

    def __init__(self, look: float = 0.0) -> None:
        self.now = 100.0
        self.look = look

    def __call__(self) -> float:
        self.now += self.look
        return self.now


def refreshed(book: DeepBook, driven: Driven, *, still: bool = True) -> DeepFigures | None:
    before = book.figures.get(0)
    asyncio.run(book.refresh(0, driven.engine, lambda: still))
    after = book.figures.get(0)
    return None if after is before else after


def told(figures: DeepFigures | None, kpi: str, window: str = "24h") -> list[float]:
    assert figures is not None
    return [value for column in figures.of(kpi, window) for value in column.value.tolist()]


def test_they_are_computed_at_once_and_again_after_fifteen_seconds() -> None:
    seconds, driven = Seconds(), Driven("file:a")
    book = DeepBook(every_tick=False, seconds=seconds)
    driven.read(event(kind="comment", id="1"), topic="comments")
    driven.advance(NOW_MS)
    first = refreshed(book, driven)
    assert told(first, "backlog")[0] == 1
    driven.read(event(kind="comment", id="2"), topic="comments")
    seconds.now += 14.9
    assert refreshed(book, driven) is None
    seconds.now += 0.1
    assert told(refreshed(book, driven), "backlog")[0] == 2


def test_what_takes_long_is_computed_more_seldom() -> None:
    """Each look at the time takes 2 s, so a computation 2: at 5 % of the time the next begins 40 s later."""
    seconds, driven = Seconds(look=2.0), Driven("file:a")
    book = DeepBook(every_tick=False, seconds=seconds)
    assert refreshed(book, driven) is not None
    seconds.now += 35.0
    assert refreshed(book, driven) is None
    seconds.now += 5.0
    assert refreshed(book, driven) is not None


def test_with_every_tick_they_are_always_as_of_now() -> None:
    driven = Driven("file:a")
    book = DeepBook(every_tick=True, seconds=Seconds())
    for now_ms in (NOW_MS, NOW_MS + 1):
        driven.advance(now_ms)
        figures = refreshed(book, driven)
        assert figures is not None
        assert figures.at_ms == now_ms


def test_a_partition_that_went_to_another_meanwhile_has_none() -> None:
    driven = Driven("file:a")
    book = DeepBook(every_tick=True, seconds=Seconds())
    assert refreshed(book, driven, still=False) is None
    assert refreshed(book, driven) is not None
    book.end(0)
    assert book.figures == {}


def test_before_the_time_is_known_there_is_nothing_to_compute() -> None:
    assert deep_job(Driven("file:a", now_ms=None).engine) is None


def test_they_say_from_which_part_of_the_log_they_are() -> None:
    driven = Driven("file:a")
    driven.read(event(id="1"), event(id="2"))
    job = deep_job(driven.engine)
    driven.read(event(id="3"))
    assert job is not None
    assert job().read == {"likes": 2}


def test_they_say_which_days_they_compare_with() -> None:
    driven = Driven("file:a", "file:b")
    driven.engine.observe(heartbeat("file:b", since_ms=NOW_MS - 3 * 24 * HOUR))
    driven.advance(NOW_MS)
    job = deep_job(driven.engine)
    assert job is not None
    assert {window: days.tolist() for window, days in job().days.items()} == {
        "1h": [0, 0b11],
        "24h": [0, 0b11],
    }
    alone = Driven("file:a", kpis=[BY_ID["backlog"]])
    alone.advance(NOW_MS)
    job = deep_job(alone.engine)
    assert job is not None
    assert job().days == {}


def test_entries_leave_out_parts_that_are_null_and_keep_the_reason_of_the_whole() -> None:
    none, half = np.full(2, np.nan), np.array([0.5, np.nan])
    no_comments = np.array([0, REASONS.index("no_comments")], dtype=np.uint8)
    whole = Column(None, half, none, none, half, half, no_comments)
    part = Column("p90", half, none, none, half, half, no_comments)
    rows, topics = np.array([1, 1, 0]), ["topic:oat", "topic:rye", "topic:rye"]
    shares = np.array([0.25, 0.75, 1.0])
    ragged = Column(None, shares, shares, shares, shares, shares, np.zeros(3, np.uint8), rows, topics)
    wait, topic = BY_ID["time_to_first_response"], BY_ID["topic_share"]
    columns = [(wait, "24h", whole), (wait, "24h", part), (topic, "24h", ragged)]
    figures = DeepFigures(NOW_MS, {}, {"24h": np.array([1.0, 0.5])}, columns)
    first, second = map(figures.arranged().entries, (0, 1))
    assert [(entry.kpi, entry.part, entry.reason) for entry in second] == [
        ("time_to_first_response", None, "no_comments"),
        ("topic_share", "topic:oat", None),
        ("topic_share", "topic:rye", None),
    ]
    assert [(entry.part, entry.value, entry.coverage) for entry in first] == [
        (None, 0.5, 1.0),
        ("p90", 0.5, 1.0),
        ("topic:rye", 1.0, 1.0),
    ]
    assert second[1] == KpiEntry("topic_share", "24h", "topic:oat", 0.25, 0.25, 0.25, 0.25, 0.25, 0.5, None)


def test_a_post_that_has_no_value_yet_is_told_for_its_interactions() -> None:
    driven = Driven("file:a")
    post = {"v": 1, "id": "p", "source": "file", "account": "file:a", "at_ms": NOW_MS - HOUR}
    driven.read(post, topic="posts")
    driven.read(event(id="1", actor="x", object="p"), event(id="2", actor="y", object="p"))
    driven.advance(NOW_MS)
    figures = refreshed(DeepBook(every_tick=True), driven)
    assert figures is not None
    entries = [
        msgspec.json.decode(msgspec.json.encode(one), type=KpiEntry) for one in figures.arranged().entries(0)
    ]
    assert [
        (entry.part, entry.value, entry.numerator, entry.reason)
        for entry in entries
        if (entry.kpi, entry.window) == ("over_performance", "24h")
    ] == [(None, None, None, "too_few_posts"), ("post:p", None, 2.0, "too_few_posts")]


def dialogue(*events: dict[str, Any], sla_ms: int = 4 * HOUR) -> dict[tuple[str, str | None], str | None]:
    """The reason of every null that is told of an account's comments over 24 h."""
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), clients=clients_with(1, sla_ms=sla_ms))
    entries = deep_figures(inputs, {}).arranged().entries(0)
    kpis = "backlog", "time_to_first_response"
    return {
        (entry.kpi, entry.part): entry.reason
        for entry in entries
        if np.isnan(entry.value or 0.0) and entry.kpi in kpis and entry.window == "24h"
    }


def test_a_part_that_is_null_says_why_where_its_whole_does_not() -> None:
    half = comment("a", 5), answer("r", 4, "a"), comment("b", 4), answer("s", 2, "b"), comment("c", 6)
    assert dialogue(*half, sla_ms=24 * HOUR) == {
        ("backlog", "sla_breaches"): "sla_longer_than_window",
        ("time_to_first_response", "p90"): "too_few_answered",  # and so is p95
        ("time_to_first_response", "business"): "no_business_hours",
    }
    assert dialogue(*half[:4]) == {
        ("backlog", "oldest_age"): "none_waiting",
        ("time_to_first_response", "business"): "no_business_hours",
    }


def test_a_quiet_account_tells_of_no_part_that_there_is_nothing() -> None:
    assert dialogue() == {("time_to_first_response", None): "no_comments"}
    quiet = inputs_of([(0, 0, 0, 0)], net=net_of_events([]), followers=[100])
    entries = deep_figures(quiet, {}).arranged().entries(0)
    wholes = {(entry.kpi, entry.window) for entry in entries if entry.part is None}
    null = [entry for entry in entries if np.isnan(entry.value or 0.0) and entry.part is not None]
    assert [(entry.kpi, entry.part) for entry in null if (entry.kpi, entry.window) in wholes] == []


def test_parts_of_some_accounts_say_why_they_are_null_where_the_whole_does_not() -> None:
    none, half = np.full(2, np.nan), np.array([0.5, np.nan])
    negative = REASONS.index("negative_count")
    whole = Column(None, half, none, none, half, half, np.array([0, negative], np.uint8))
    rows, codes = np.array([0, 1]), np.full(2, negative, np.uint8)
    shares = Column(None, none, none, none, none, none, codes, rows, ["topic:oat", "topic:oat"])
    topic = BY_ID["topic_share"]
    columns = [(topic, "24h", whole), (topic, "24h", shares)]
    figures = DeepFigures(NOW_MS, {}, {"24h": np.array([1.0, 1.0])}, columns)
    first, second = map(figures.arranged().entries, (0, 1))
    assert [(entry.part, entry.reason) for entry in first] == [(None, None), ("topic:oat", "negative_count")]
    assert [(entry.part, entry.reason) for entry in second] == [(None, "negative_count")]


def test_parts_without_a_whole_say_themselves_why_they_are_null_and_bear_their_own_coverage() -> None:
    none, counts = np.full(2, np.nan), np.array([3.0, np.nan])
    reasons = np.array([0, REASONS.index("beyond_horizon")], dtype=np.uint8)
    month = Column("this_month", counts, none, none, counts, none, reasons, coverage=np.array([0.75, 0.5]))
    rows = np.array([1])
    one, null, right = np.array([7.0]), np.full(1, np.nan), np.zeros(1, np.uint8)
    some = Column(None, one, null, null, one, null, right, rows, ["x"], np.array([0.25]))
    kpi = BY_ID["calendar_interactions"]
    figures = DeepFigures(
        NOW_MS, {}, {"28d": np.array([1.0, 1.0])}, [(kpi, "28d", month), (kpi, "28d", some)]
    )
    first, second = map(figures.arranged().entries, (0, 1))
    assert [(entry.part, entry.value, entry.coverage) for entry in first] == [("this_month", 3.0, 0.75)]
    assert [(entry.part, entry.reason, entry.coverage) for entry in second] == [
        ("this_month", "beyond_horizon", 0.5),
        ("x", None, 0.25),
    ]


def test_without_a_deep_kpi_no_details_are_kept_and_nothing_is_computed() -> None:
    driven = Driven("file:a", kpis=[BY_ID["velocity"]])
    driven.read(event(id="1", actor="x", object="p"))
    driven.flush()
    assert refreshed(DeepBook(every_tick=True), driven) is None
    assert driven.engine.footprints()[0].held_bytes == 32 + 37
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert {kpi.id for kpi, _, _ in evaluate(inputs)} == {"velocity"}


def test_a_state_without_details_is_refused_where_they_are_asked_for() -> None:
    driven = Driven("file:a", kpis=[BY_ID["velocity"]])
    driven.read(event(id="1"))
    driven.flush()
    with pytest.raises(StopError, match=r"what was counted lacks what the chosen KPIs ask for; .*rebuild"):
        driven.restart(kpis=KPIS)


def test_a_kpi_that_fails_takes_along_its_own_figures_alone() -> None:
    """The old ones go, too: nobody must take them for new. It is tried again later."""

    def fails(inputs: Inputs, window: str) -> Sequence[Column]:
        if driven.counts()[1] == 2:
            raise ZeroDivisionError
        return BY_ID["backlog"].compute(inputs, window)

    failing = replace(BY_ID["backlog"], id="failing", compute=fails)
    driven, seconds, failures = Driven("file:a", kpis=[failing, BY_ID["backlog"]]), Seconds(), KpiFailures()
    book = DeepBook(every_tick=False, seconds=seconds, compute=failures.columns)
    for waiting, of_failing in ((1, [1.0]), (2, []), (3, [3.0])):
        driven.read(event(kind="comment", id=str(waiting)), topic="comments")
        figures = refreshed(book, driven)
        assert told(figures, "backlog")[0] == waiting
        assert told(figures, "failing")[:1] == of_failing
        seconds.now += 15.0
    assert failures.counts == {"failing": 3}, "once for each window"


class BrokenMeasures(Measures):
    """No table can be made of it."""

    def net(self, **_: int) -> Callable[[], NetTable]:
        def fails() -> NetTable:
            raise UnforeseenError

        return fails


def test_where_no_table_can_be_made_counts_go_on(caplog: pytest.LogCaptureFixture) -> None:
    driven = Driven("file:a", measures=BrokenMeasures)
    book = DeepBook(every_tick=True)
    driven.read(event(id="1"))
    assert refreshed(book, driven) is None
    assert book.figures == {}
    (message,) = caplog.messages
    assert message.endswith("KPIs of what stands cannot be computed (UnforeseenError); counts go on")
    assert driven.counts() == [1, 0, 0, 0]
