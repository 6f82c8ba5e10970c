"""Accounts that a change of the configuration does not touch: as if nobody had changed anything."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines import event, run_of
from tests.stores import Played, heartbeat

from resonanz_streams.evaluation import evaluate
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.pipeline import Pipeline

UNTOUCHED = ("file:a", "file:b")
OTHERS = ("file:d", "file:e", "file:g", "file:h")
KINDS = {"like": "likes", "comment": "comments", "share": "shares"}
Step = tuple[str, Any]

events = st.fixed_dictionaries(
    {
        "account": st.sampled_from((*UNTOUCHED, *UNTOUCHED, *OTHERS)),
        "kind": st.sampled_from(tuple(KINDS)),
        "id": st.sampled_from("123"),
        "op": st.sampled_from(("add", "add", "remove")),
        "actor": st.sampled_from(("ann", "bea", None)),
        "object": st.sampled_from(("o", "p", None)),
        "topics": st.sampled_from(([], ["oat"], ["oat", "rye"])),
        "before": st.sampled_from((-300_000, -1_000, 0, 30_000, 600_000, 7_200_000, 30 * 86_400_000)),
    }
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.lists(events, min_size=1, max_size=6)),
        st.tuples(st.just("followers"), st.integers(1, 500)),
        st.tuples(st.just("tick"), st.sampled_from((0, 1_000, 61_000, 400_000, 90_000_000))),
        st.tuples(st.just("change"), st.permutations((*UNTOUCHED, *OTHERS[:2]))),
        st.tuples(st.just("change"), st.permutations((*UNTOUCHED, *OTHERS))),
        st.tuples(st.just("change"), st.just(UNTOUCHED)),
        st.tuples(st.just("kill"), st.none()),
    ),
    max_size=14,
)


class Life:
    """A worker with its log. ``changes``: whether what is written into its configuration takes effect."""

    def __init__(self, *, changes: bool) -> None:
        self.changes = changes
        self.log: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        self.played = Played(*UNTOUCHED, *OTHERS)
        self.partition = {name: it.partition for name, it in self.played.registry.accounts.items()}

    async def begin(self) -> None:
        """As after a kill: what was not flushed is gone, and is read again."""
        played = self.played
        played.pipeline = Pipeline(played.settings, played.registry, played.store, lambda: played.clock_ms)
        for name in UNTOUCHED:
            played.pipeline.observe(
                heartbeat(name, at_ms=played.clock_ms, complete_through_ms=played.clock_ms)
            )
        await played.own()

    async def read(self) -> None:
        positions = self.played.pipeline.positions()
        for (topic, partition), records in self.log.items():
            start = positions.get((topic, partition), 0)
            if records[start:]:
                run = run_of(*records[start:], topic=topic, start=start)
                await self.played.pipeline.apply(replace(run, partition=partition))

    async def take(self, what: str, detail: Any) -> None:
        played = self.played
        match what:
            case "publish":
                for drawn in detail:
                    fields = dict(drawn)
                    at_ms = played.clock_ms - fields.pop("before")
                    source = "file" if fields["account"] in UNTOUCHED else "touched"
                    one = event(topic=KINDS[fields["kind"]], source=source, at_ms=at_ms, **fields)
                    self.log[KINDS[fields["kind"]], self.partition[fields["account"]]].append(one)
                await self.read()
            case "followers":
                one = event(followers=detail, at_ms=played.clock_ms - 1_000)
                self.log["audience", 0].append(one)
                await self.read()
            case "tick":
                await played.tick(detail)
            case "change" if self.changes:
                await played.change(*detail, topics={"oat": [], "rye": []})
            case "change":
                await played.tick()
            case "kill":
                await self.begin()
                await self.read()

    def numbers(self) -> Any:
        """All that is known of the untouched, as of now."""
        found: list[Any] = []
        for name in UNTOUCHED:
            engine = self.played.pipeline.engines[self.partition[name]]
            inputs = engine.inputs()
            assert inputs is not None
            row = [account.id for account in engine.accounts].index(name)
            table = engine.net()()
            mine = np.flatnonzero(table.accounts == row)
            told = [
                (kpi.id, window, column.part, repr(column.value[row]), repr(column.numerator[row]))
                for kpi, window, column in evaluate(inputs)
                if column.rows is None
            ]
            found.append(
                (
                    {window: inputs.counts[window][row].tolist() for window in WINDOWS},
                    {window: repr(inputs.followers[window][row]) for window in WINDOWS},
                    {window: inputs.coverage[window][row] for window in WINDOWS},
                    inputs.peak_per_minute()[row],
                    sorted(zip(table.keys[mine].tolist(), table.at_ms[mine].tolist(), strict=True)),
                    [table.facets[place] for place in table.facet[mine].tolist()],
                    engine.watermark(),
                    told,
                )
            )
        return found

    def outcomes(self) -> Counter[tuple[str, str, str]]:
        """Of the untouched, since the last kill."""
        found: Counter[tuple[str, str, str]] = Counter()
        for tally in self.played.pipeline.tallies():
            found.update({key: n for key, n in tally.outcomes.items() if key[0] == "file"})
        return found


async def same(todo: Sequence[Step]) -> None:
    changed, still = Life(changes=True), Life(changes=False)
    for life in (changed, still):
        await life.begin()
        # The vocabulary first: without words of its own a client counts none.
        life.changes = True
        await life.take("change", (*UNTOUCHED, *OTHERS))
    still.changes = False
    for step in todo:
        for life in (changed, still):
            await life.take(*step)
        if step[0] in {"tick", "change"}:
            assert changed.numbers() == still.numbers()
            assert changed.outcomes() == still.outcomes()


@settings(max_examples=40, deadline=None)
@given(steps)
def test_untouched_accounts_are_as_if_nothing_had_been_changed(todo: list[Step]) -> None:
    asyncio.run(same([*todo, ("tick", 1_000), ("change", UNTOUCHED), ("tick", 400_000)]))
