"""Another registry in a worker that runs: what counts from then on, and that nothing else changes."""

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.engines import NOW_MS, event
from tests.stores import Played, heartbeat
from tests.unit.streams.test_exporter import accounts_in, exporter_of, scraped

from resonanz_streams.authentic import is_authentic
from resonanz_streams.errors import FencedError, RetryError
from resonanz_streams.ledger_rows import Entries
from resonanz_streams.measures import Measures
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Account
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEAD_LETTERS, DEEP
from resonanz_streams.transports.ports import Recovered

ADOPTED = b"c/file:d"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def outcomes(played: Played) -> dict[str, int]:
    found: Counter[str] = Counter()
    for tally in played.pipeline.tallies():
        for (_, _, outcome), count in tally.outcomes.items():
            found[outcome] += count
    return dict(found)


def value(played: Played, account: str, kpi: str, window: str = "24h", part: str | None = None) -> Any:
    """The newest that was told of an account."""
    entries = played.store.told(account)[-1].kpis
    return next(e for e in entries if (e.kpi, e.window, e.part) == (kpi, window, part)).value


# file:a lives in partition 0 of 4, file:e in 1, file:b in 3; none of them in 2.


def test_a_new_account_counts_from_then_on_and_begins_uncovered() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        await played.read(event())
        await played.read(event(account="file:b"), partition=3)
        await played.tick()
        letters = [record for record in played.store.records if record.topic == DEAD_LETTERS]
        assert [dict(letter.headers)["reason"] for letter in letters] == [b"unknown_account"]

        await played.change("file:a", "file:b")
        await played.read(event(id="2"), event(id="3", account="file:b"))
        await played.tick(1000)
        assert (played.counts("file:a"), played.counts("file:b")) == ([2, 0, 0, 0], [1, 0, 0, 0])
        coverage = {name: played.store.told(name)[-1].coverage for name in ("file:a", "file:b")}
        assert coverage == {"file:a": 1.0, "file:b": 0.0}
        assert outcomes(played) == {"counted": 3, "dead_letter": 1}

    run(scene())


def test_what_was_watched_of_a_new_account_before_it_counted_is_not_covered() -> None:
    """Its connector knew it half an hour earlier; also after a restart, and though letters are redriven."""

    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        lost = [event(id=str(n), account="file:d") for n in range(3)]
        await played.read(*lost, partition=0)
        await played.tick(30 * MINUTE)
        await played.change("file:a", "file:d")
        assert covered(played) == (0.0, 0.0)
        await played.tick(6 * MINUTE)
        assert covered(played) == (1.0, 0.1)
        await played.tick()
        played.pipeline = Pipeline(played.settings, played.registry, played.store, lambda: played.clock_ms)
        await played.own()
        assert covered(played) == (1.0, 0.1)
        await played.read(*lost)
        assert played.counts("file:d") == [3, 0, 0, 0]
        assert covered(played) == (1.0, 0.1)
        await played.tick(54 * MINUTE)
        assert covered(played) == (1.0, 1.0)
        assert ADOPTED in played.store.rows[0]
        await played.tick(58 * DAY)
        assert ADOPTED not in played.store.rows[0]

    def covered(played: Played) -> tuple[float, float]:
        now = played.clock_ms
        played.pipeline.observe(heartbeat("file:d", at_ms=now, complete_through_ms=now))
        inputs = played.pipeline.engines[0].inputs()
        assert inputs is not None
        names = [account.id for account in played.pipeline.engines[0].accounts]
        row = names.index("file:d")
        return inputs.coverage["1m"][row], inputs.coverage["1h"][row]

    run(scene())


def test_a_new_account_counts_from_then_on_also_where_its_partition_had_to_be_recovered() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event(), event(account="file:d"), partition=0)
        await played.tick()
        played.settings = settings_of(
            {"partitions": 4, "clients": {"fleet": {"name": "F", "accounts": ["file:a", "file:d"]}}}
        )
        played.pipeline.adopt(played.settings, played.registry.by(played.settings))
        played.pipeline.drop_all()
        played.pipeline.begin()
        await played.own()
        await played.tick()
        assert played.pipeline.renewal.done.is_set()
        for name in ("file:a", "file:d"):
            played.pipeline.observe(heartbeat(name, complete_through_ms=NOW_MS))
        inputs = played.pipeline.engines[0].inputs()
        assert inputs is not None
        assert inputs.coverage["1m"].tolist() == [1.0, 0.0]
        assert ADOPTED in played.store.rows[0]

    run(scene())


def test_by_event_time_a_new_account_counts_from_the_newest_event_on() -> None:
    async def scene() -> None:
        played = Played("file:a", clock="event")
        await played.own()
        await played.read(event(at_ms=NOW_MS - HOUR))
        played.pipeline.observe(heartbeat("file:a", complete_through_ms=NOW_MS - HOUR))
        await played.tick()
        await played.change("file:a", "file:d")
        for name in ("file:a", "file:d"):
            played.pipeline.observe(heartbeat(name, at_ms=NOW_MS + 1, complete_through_ms=NOW_MS))
        await played.tick()
        assert [played.store.told(name)[-1].at_ms for name in ("file:a", "file:d")] == [NOW_MS, NOW_MS]
        inputs = played.pipeline.engines[0].inputs()
        assert inputs is not None
        assert inputs.coverage["1h"].tolist() == [1.0, 1.0]
        assert inputs.coverage["24h"].tolist() == [1.0, 1 / 24]

    run(scene())


def test_an_account_that_left_is_shown_no_more_and_finds_its_events_when_it_comes_back() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own()
        for name in ("file:a", "file:b"):
            played.pipeline.observe(heartbeat(name))
        await played.read(event(), event(account="file:b"), event(id="2", account="file:b"))
        await played.read(event(account="file:b", followers=70), topic="audience")
        await played.tick()
        exporter = exporter_of(played)
        assert accounts_in(exporter) == ["file:a", "file:b"]

        await played.change("file:a")
        found = scraped(exporter)
        assert {labels[0] for labels in found["resonanz_account_info"]} == {"file:a"}
        assert {labels[0] for labels in found["resonanz_interactions_24h"]} == {"file:a"}
        assert {labels[0] for labels in found["resonanz_connector_info"]} == {"file:a"}
        told = len(played.store.told("file:b"))
        await played.tick(MINUTE)
        assert len(played.store.told("file:b")) == told

        await played.change("file:b", "file:a")
        assert (played.counts("file:a"), played.counts("file:b")) == ([1, 0, 0, 0], [2, 0, 0, 0])
        assert value(played, "file:b", "engagement_rate_by_followers") == 1000 * 2 / 70

    run(scene())


def test_an_exclusion_leaves_out_and_its_deletion_puts_back(caplog: pytest.LogCaptureFixture) -> None:
    """Told with its reason both times; the whole stays what it is."""
    raffle = {"account": "file:a", "actors": ["ann"], "reason": "a raffle"}

    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        ann = played.registry.pseudonym("fleet", "ann")
        await played.read(event(actor=ann, object="p"), event(actor="bob", object="p"))
        for _ in range(2):
            await played.tick(MINUTE)
        before = deep_entries(played)
        assert before
        assert not any(is_authentic(part) for _, _, part in before)

        await played.change("file:a", exclusions=[raffle])
        await played.tick(MINUTE)
        assert value(played, "file:a", "interactions") == 2.0
        assert deep_entries(played)["interactions", "24h", "authentic"] == (1.0, None)
        await played.change("file:a")
        await played.tick(MINUTE)
        assert deep_entries(played) == before

    def deep_entries(played: Played) -> dict[tuple[str, str, str | None], Any]:
        entries = played.store.told("file:a", DEEP)[-1].kpis
        return {(entry.kpi, entry.window, entry.part): (entry.value, entry.reason) for entry in entries}

    run(scene())
    sentence = (
        "file:a: what 1 of its people did from the beginning on is left out of authentic figures: a raffle"
    )
    assert [message for message in caplog.messages if "raffle" in message] == [
        sentence,
        f"no longer: {sentence}",
    ]


def test_an_account_of_another_client_carries_the_new_label_alone() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        await played.tick()
        exporter = exporter_of(played)
        assert set(scraped(exporter)["resonanz_account_info"]) == {("file:a", "fleet", "", "file")}
        accounts = [{"id": "file:a", "handle": "winter", "connector": "bluesky"}]
        await played.change(accounts=accounts)
        assert set(scraped(exporter)["resonanz_account_info"]) == {("file:a", "fleet", "winter", "file")}
        assert played.pipeline.engines[0].accounts == (
            Account("file:a", "file", "fleet", "winter", "bluesky", 0),
        )

    run(scene())


def test_a_potential_counts_from_its_date() -> None:
    async def scene() -> None:
        played = Played("file:a", clock_ms=NOW_MS)  # 2023-11-14, 22:13 UTC
        await played.own()
        await played.read(event())
        await played.tick()
        assert value(played, "file:a", "interactions_per_potential") == 1.0
        steps = [{"from": "2023-01-01", "people": 1000}, {"from": "2023-11-15", "people": 250}]
        await played.change("file:a", potential=steps)
        assert value(played, "file:a", "interactions_per_potential") == 1.0
        await played.tick(2 * HOUR)
        assert value(played, "file:a", "interactions_per_potential") == 4.0

    run(scene())


def test_events_keep_the_topics_and_the_people_that_they_were_counted_with() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.change("file:a", topics={"oat": []})
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        ann = played.registry.pseudonym("fleet", "ann")
        await played.read(event(topics=["oat"], actor=ann, object="o"))
        await played.change("file:a", topics={"rye": []}, own_actors=["ann"])
        await played.read(event(id="2", topics=["oat", "rye"]), event(id="3", actor=ann, object="p"))
        assert played.counts("file:a") == [2, 0, 0, 0]
        # Figures of what stands are computed with the next registry at once, else after 15 s.
        await played.change("file:a", topics={"rye": []}, own_actors=["ann"])
        parts = {
            entry.part: entry.numerator
            for entry in played.store.told("file:a", DEEP)[-1].kpis
            if (entry.kpi, entry.window) == ("topic_share", "24h") and entry.part
        }
        assert (parts["topic:oat"], parts["topic:rye"]) == (1.0, 1.0)

    run(scene())


def test_what_waits_for_its_time_is_told_once_with_its_outcome() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:d")  # both in partition 0
        await played.own()
        await played.read(
            event(at_ms=NOW_MS + MINUTE), event(id="2", account="file:d", at_ms=NOW_MS + HOUR // 12)
        )
        await played.tick()
        assert outcomes(played) == {}
        await played.change("file:d", "file:a")
        assert outcomes(played) == {}
        await played.tick(MINUTE)
        assert (played.counts("file:a"), played.counts("file:d")) == ([1, 0, 0, 0], [0, 0, 0, 0])
        await played.tick(HOUR)
        assert (played.counts("file:a"), played.counts("file:d")) == ([1, 0, 0, 0], [1, 0, 0, 0])
        assert outcomes(played) == {"counted": 2}

    run(scene())


def test_no_figure_is_missing_in_between() -> None:
    """Neither on /metrics nor in what is told: also those that are computed more seldom are there at once."""

    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        await played.read(event(kind="comment", topic="comments", object="o", thread="o"), topic="comments")
        await played.tick(DAY // 2)
        await played.tick(MINUTE)
        exporter = exporter_of(played)
        during: list[dict[str, Any]] = []
        recover = played.store.recover

        async def watched(partition: int) -> Recovered:
            during.append(scraped(exporter))
            return await recover(partition)

        played.store.recover = watched  # type: ignore[method-assign]
        before = scraped(exporter)
        await played.change("file:a", "file:b")
        after = scraped(exporter)
        assert "resonanz_response_rate_24h_ratio" in before
        names = {
            "resonanz_response_rate_24h_ratio",
            "resonanz_interactions_24h",
            "resonanz_coverage_24h_ratio",
        }
        for found in (*during, after):
            assert {name: found[name] for name in names} == {name: before[name] for name in names}
        assert len(during) == 4
        kpis = [{(e.kpi, e.window, e.part) for e in told.kpis} for told in played.store.told("file:a")]
        assert kpis[-1] == kpis[-2]

    run(scene())


def test_what_connectors_said_is_known_though_their_newest_word_still_waits() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        played.pipeline.observe(heartbeat("file:a", at_ms=NOW_MS + 1, published={"likes/0": 1}))
        await played.tick()
        assert played.store.told("file:a")[-1].coverage == 1.0
        await played.change("file:a", "file:d")
        assert played.store.told("file:a")[-1].coverage == 1.0

    run(scene())


def test_a_run_that_comes_meanwhile_waits_and_counts_once() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        await played.tick()
        recover = played.store.recover
        reading: list[asyncio.Task[None]] = []

        async def meanwhile(partition: int) -> Recovered:
            found = await recover(partition)
            if partition == 0:
                reading.append(asyncio.create_task(played.read(event(id="2"), event(id="1"))))
                for _ in range(20):
                    await asyncio.sleep(0)
            return found

        played.store.recover = meanwhile  # type: ignore[method-assign]
        await played.change("file:a", "file:d")
        await asyncio.gather(*reading)
        await played.tick(1000)
        assert played.counts("file:a") == [2, 0, 0, 0]
        assert outcomes(played) == {"counted": 2, "duplicate": 1}
        assert played.pipeline.dropped_runs == 0

    run(scene())


def test_what_is_durable_is_restored_beside_the_loop_and_no_flush_comes_in_between() -> None:
    """A revocation that comes while it runs waits for it, and nothing that waits for its time is lost."""
    threads: list[threading.Thread] = []
    revoking: list[asyncio.Task[None]] = []
    changing: list[asyncio.AbstractEventLoop] = []

    class Noting(Measures):
        def load(self, entries: Entries) -> None:
            threads.append(threading.current_thread())
            for loop in changing:
                loop.call_soon_threadsafe(revoke)
            super().load(entries)

    def revoke() -> None:
        played.pipeline.observe(heartbeat("file:a", at_ms=NOW_MS + 1))
        revoking.append(asyncio.create_task(played.pipeline.revoked(frozenset({0}))))

    async def scene() -> None:
        await played.own()
        await played.read(event(), event(id="2", at_ms=NOW_MS + MINUTE))
        await played.tick()
        threads.clear()
        changing.append(asyncio.get_running_loop())
        played.pipeline.adopt(played.settings, played.registry.by(played.settings))
        await played.tick()
        changing.clear()
        await asyncio.gather(*revoking)
        await played.own()
        await played.tick(MINUTE)
        assert played.counts("file:a") == [2, 0, 0, 0]
        assert outcomes(played) == {"counted": 2}

    played = Played("file:a", measures=Noting)
    run(scene())
    assert revoking
    assert threads
    assert threading.main_thread() not in threads


def test_while_the_partitions_are_being_shared_the_engines_stay_as_they_are() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        await played.tick()
        await played.pipeline.revoked(frozenset(range(4)))
        before = dict(played.pipeline.engines)
        recoveries = played.store.calls.count("recover 0")
        played.pipeline.adopt(played.settings, played.registry.by(played.settings))
        await played.tick(1000)
        assert played.pipeline.engines == before
        assert not played.pipeline.renewal.done.is_set()
        assert played.store.calls.count("recover 0") == recoveries
        await played.own()
        await played.tick(1000)
        assert played.pipeline.renewal.done.is_set()
        assert played.counts("file:a") == [1, 0, 0, 0]

    run(scene())


def test_a_partition_that_goes_to_another_meanwhile_stays_there() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own()
        await played.tick()
        recover = played.store.recover
        leaving: list[asyncio.Task[Any]] = []

        async def meanwhile(partition: int) -> Recovered:
            if partition == 0:
                leaving.append(asyncio.create_task(played.own(1, 2, 3)))
                for _ in range(20):
                    await asyncio.sleep(0)
            return await recover(partition)

        played.store.recover = meanwhile  # type: ignore[method-assign]
        await played.change("file:a", "file:b", "file:e")
        await asyncio.gather(*leaving)
        assert sorted(played.pipeline.engines) == [1, 2, 3]
        assert played.store.calls[-1] != "recover 0"
        assert "release 0" in played.store.calls

    run(scene())


def test_a_store_that_fails_ends_it_as_any_failed_flush_does() -> None:
    async def scene(error: FencedError | RetryError) -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        await played.tick()
        before = played.pipeline.engines[0]
        played.pipeline.adopt(played.settings, played.registry.by(played.settings))
        recover = played.store.recover

        async def fails(partition: int) -> Recovered:
            if partition == 0:
                raise error
            return await recover(partition)

        played.store.recover = fails  # type: ignore[method-assign]
        for _ in range(2):
            try:
                await played.tick(1000)
            except (FencedError, RetryError) as raised:
                assert raised is error  # noqa: PT017  # either may come
                break
        assert played.pipeline.engines[0] is before
        played.store.recover = recover  # type: ignore[method-assign]
        played.pipeline.drop_all()
        played.pipeline.begin()
        await played.own()
        await played.tick(1000)
        assert played.pipeline.renewal.done.is_set()
        assert played.counts("file:a") == [1, 0, 0, 0]

    run(scene(RetryError("away")))
    run(scene(FencedError("another's")))


def test_what_is_told_anew_is_what_was_told() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        await played.read(*(event(id=str(n), at_ms=NOW_MS - n * HOUR) for n in range(40)))
        await played.tick()
        await played.tick(MINUTE)
        before = played.store.told("file:a")[-1]
        await played.change("file:a", "file:d")
        after = played.store.told("file:a")[-1]
        assert after.at_ms == before.at_ms
        # Of figures that are computed more seldom the coverage is younger.
        numbers = [
            [msgspec.structs.astuple(replace(entry, coverage=0)) for entry in told.kpis]
            for told in (before, after)
        ]
        assert numbers[0] == numbers[1]

    run(scene())
