"""Workers killed again and again, at the worst moments, end with exactly the right numbers."""

from pathlib import Path

from tests.brokers import Broker
from tests.faults.fleet import CHUNK, Delivery
from tests.faults.lives import Lives
from tests.faults.load import hard_load
from tests.faults.report import form, saw


def test_killed_again_and_again(broker: Broker, tmp_path: Path) -> None:
    kills = form(4, 100)
    load = hard_load(7, form(60_000, 300_000))
    lives = Lives(tmp_path, broker, load, seed=11)
    joins = lives.as_another_joins if broker.is_kafka else lives.during_a_flush
    leaves = lives.as_another_leaves if broker.is_kafka else lives.at_any_moment
    deaths = [
        lives.during_a_flush,
        joins,
        lives.during_recovery,
        lives.at_any_moment,
        lives.during_a_flush,
        leaves,
        lives.at_any_moment,
        lives.during_a_flush,
        lives.during_recovery,
        lives.at_any_moment,
    ]
    share = len(load.lines) // CHUNK // (kills + 1)
    broker.create_topics(4)
    with Delivery(broker, load) as delivery:
        for number in range(kills):
            deaths[number % len(deaths)](delivery, share)
        delivery.deliver_all()
        delivery.end()
    wrong = lives.wrong_in_the_end()
    saw(
        "worker kill -9",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        events=len(load.lines),
        kills=lives.kills.total(),
        inside_a_flush=lives.kills["flush"],
        before_it_was_written=lives.kills_inside["flush"],
        in_recovery=lives.kills["recovery"],
        in_a_rebalance=lives.kills["rebalance"],
        records_read_again=round(lives.read_again),
        wrong=len(wrong),
    )
    assert wrong == []
    assert lives.kills.total() == kills
    assert lives.kills["flush"] >= kills / 4
    assert lives.kills_inside["flush"] > 0
    assert lives.kills["recovery"] >= kills / 10
    assert lives.kills["rebalance"] >= kills / 10 or not broker.is_kafka
