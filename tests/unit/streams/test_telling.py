"""The time for snapshots goes to partitions in turn."""

import asyncio

from tests.engines import event
from tests.stores import Played

from resonanz_streams.telling import share

ACCOUNTS = [f"file:{letter}" for letter in "abcdefgh"]


def test_much_time_is_divided_evenly() -> None:
    assert share(0.3, 4) == 0.075
    assert share(0.225, 3) == 0.075


def test_of_little_time_some_have_enough_and_the_others_none() -> None:
    assert share(0.03, 4) == 0.015
    assert share(0.015, 3) == 0.015
    assert share(0.0, 2) == 0.0
    assert share(-0.01, 2) < 0.0


def test_with_hardly_any_time_each_partition_has_its_turn() -> None:
    async def main() -> list[set[int | None]]:
        played = Played(*ACCOUNTS, partitions=2)
        await played.own()
        await played.read(*(event(id=account, account=account) for account in ACCOUNTS))
        turns = []
        for _ in range(3):
            before = len(played.store.records)
            await played.tick(60_000, budget_seconds=1e-9)
            told = played.store.records[before:]
            turns.append({record.partition for record in told if record.topic == "kpis"})
        return turns

    assert asyncio.run(main()) == [{0}, {1}, {0}]
