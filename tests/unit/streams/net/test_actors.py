"""Whose people topic ``kpis.deep`` is told."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
from tests.engines import NOW_MS, Driven, event, registry_of
from tests.inputs import clients_with, inputs_of
from tests.nets import like, net_of_events

from resonanz_streams.actors import number, reached
from resonanz_streams.deep import deep_job
from resonanz_streams.deep_book import DeepBook
from resonanz_streams.deep_news import DeepNews
from resonanz_streams.kpis import KPIS
from resonanz_streams.net.actors import MOST_TARGETS, actors
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of


def told(*events: dict[str, Any], several: bool = True, targets: list[str] | None = None) -> Any:
    clients = clients_with(1, targets=[targets or []])
    inputs = inputs_of(
        [(0, 0, 0, 0)],
        net=net_of_events(events),
        clients=replace(clients, several=np.array([several])),
    )
    return actors(inputs).get(0)


def test_people_are_told_by_window_each_once() -> None:
    found = told(like("ann", 3), like("ann", 2, object="q"), like("bob", 30), like("cem", 8 * 24))
    assert {window: number([it.smallest]).value for window, it in found.items()} == {
        "24h": 1,
        "7d": 2,
        "28d": 3,
    }
    assert {it.reached for it in found.values()} == {None}


def test_whom_of_the_list_they_reached_is_told_with_the_list_s_name() -> None:
    found = told(like("ann", 3), like("bob", 30), targets=["ann", "bob", "cem", "cem"])
    assert [reached([it.reached]) for it in found.values()] == [1, 2, 2]
    assert len({it.target_list for it in found.values()}) == 1
    assert told(targets=["ann"])["24h"].target_list != found["24h"].target_list


def test_a_list_that_is_too_long_is_not_told() -> None:
    names = [str(number) for number in range(MOST_TARGETS + 1)]
    assert told(like("1", 3), targets=names)["24h"].reached is None
    assert len(told(like("1", 3), targets=names[1:])["24h"].reached) == MOST_TARGETS // 8 == 2048


def test_nobody_is_told_of_a_client_with_one_account() -> None:
    assert told(like("ann", 3), several=False) is None
    assert actors(inputs_of([(0, 0, 0, 0)], net=net_of_events([]))) == {}


def snapshots(*accounts: str, **options: Any) -> dict[str, Any]:
    """What topic ``kpis.deep`` is told after a like by ann."""
    driven = Driven(*accounts, **options)
    driven.read(event(id="1", actor="ann", object="p"))
    driven.advance(NOW_MS)
    job = deep_job(driven.engine)
    assert job is not None
    news = DeepNews(driven.engine.accounts, every_tick=False)
    news.wait(news.of(job()))
    return records(news)


def records(news: DeepNews) -> dict[str, Any]:
    """What goes into the next flush."""
    make = news.take()
    return {} if make is None else {key.decode(): json.loads(value) for key, value in make()}


def test_the_topic_grows_for_clients_with_several_accounts_only() -> None:
    assert "actors" not in snapshots("file:a")["file:a"]
    both = snapshots("file:a", "file:b")
    assert set(both["file:a"]["actors"]) == {"24h", "7d", "28d"}
    assert both["file:a"]["actors"]["24h"] != both["file:b"]["actors"]["24h"] == {"smallest": ""}
    assert len(json.dumps(both["file:a"]["actors"])) < 120


def test_an_account_in_another_partition_is_another_account() -> None:
    names = [f"file:{number}" for number in range(8)]
    registry = registry_of(*names, partitions=4)
    partition = registry.accounts[names[0]].partition
    assert len(registry.accounts_of(partition)) < 8
    driven = Driven(*names, registry=registry, partition=partition)
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.clients.several is not None
    assert inputs.clients.several.all()


def test_accounts_of_other_clients_are_no_others() -> None:
    clients = {name: {"name": name, "accounts": [f"file:{name}"]} for name in ("one", "two")}
    settings = settings_of(
        {"partitions": 1, "pseudonym_key": "${KEY}", "clients": clients}, environment={"KEY": "k" * 32}
    )
    driven = Driven("file:one", "file:two", registry=build_registry(settings))
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.clients.several is not None
    assert not inputs.clients.several.any()


def test_where_no_kpi_needs_them_nobody_is_told() -> None:
    wanted = [kpi for kpi in KPIS if kpi.id == "backlog"]
    assert "actors" not in snapshots("file:a", "file:b", kpis=wanted)["file:a"]


def test_a_person_is_told_by_the_same_bytes_with_every_account() -> None:
    other = actors(
        inputs_of(
            [(0, 0, 0, 0)] * 2,
            net=net_of_events([like("ann", 5, object="q", account="b")], "ab"),
            clients=replace(clients_with(2), several=np.array([True, True])),
        )
    )
    assert told(like("ann", 3))["24h"].smallest == other[1]["24h"].smallest != other[0]["24h"].smallest


def test_other_people_are_news_also_where_they_are_as_many() -> None:
    driven = Driven("file:a", "file:b")
    news = DeepNews(driven.engine.accounts, every_tick=False)

    def told_now() -> list[str]:
        driven.advance(NOW_MS)
        job = deep_job(driven.engine)
        assert job is not None
        news.wait(news.of(job()))
        return list(records(news))

    like = {"actor": "ann", "object": "p"}
    driven.read(event(id="1", **like))
    assert told_now() == ["file:a", "file:b"]
    assert told_now() == []
    driven.read(
        event(id="2", op="remove", at_ms=NOW_MS - 1, **like), event(id="3", **(like | {"actor": "bob"}))
    )
    assert told_now() == ["file:a"]


def test_after_a_restart_the_same_is_told() -> None:
    driven = Driven("file:a", "file:b")
    names = ("ann", "bob", "cem")
    driven.read(*(event(id=name, actor=name, object="p") for name in names))
    driven.read(*(event(id=name, actor=name, object="p", account="file:b") for name in names[1:]))
    driven.flush()

    def told_now() -> Any:
        driven.advance(NOW_MS)
        job = deep_job(driven.engine)
        assert job is not None
        return job().actors

    before = told_now()
    assert number([before[row]["24h"].smallest for row in (0, 1)]).value == 3
    driven.restart()
    assert told_now() == before


def test_what_is_kept_to_be_exported_holds_no_people() -> None:
    driven, book = Driven("file:a", "file:b"), DeepBook(every_tick=True, exported=[("response_rate", "24h")])
    driven.read(event(id="1", actor="ann", object="p"))
    driven.advance(NOW_MS)
    asyncio.run(book.refresh(0, driven.engine, lambda: True))
    assert "actors" in records(book.news[0])["file:a"]
    assert book.figures[0].actors == {}
