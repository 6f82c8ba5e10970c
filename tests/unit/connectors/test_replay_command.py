"""The replay command on the embedded log."""

import asyncio
import io
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console
from ruamel.yaml import YAML

from resonanz_connectors.replay_command import Replayed, list_accounts, run_replay
from resonanz_connectors.stage import SHAPES
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Event, Status
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import Settings, settings_of
from resonanz_streams.topics import DEAD_LETTERS, SOURCE_TOPICS, STATUS
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Record

DATA = Path(__file__).parents[2] / "data"
INTERACTIONS = DATA / "stackexchange" / "interactions.csv.gz"
MAPPING = {"at_ms": "time_ms", "object": "post"}
NOW = 1_780_000_000_000


def configured(folder: Path, accounts: Sequence[str]) -> tuple[Settings, Registry]:
    clients = {"client": {"name": "Client", "accounts": list(accounts)}}
    settings = settings_of({"clients": clients}, folder=folder)
    return settings, build_registry(settings)


def records(settings: Settings, topics: Sequence[str]) -> list[Record]:
    async def read() -> list[Record]:
        tail = open_tail(settings.broker, topics, prefix=settings.topic_prefix)
        found: list[Record] = []
        while not tail.caught_up():
            found.extend(await tail.poll(0.1))
        await tail.close()
        return found

    return asyncio.run(read())


def published(settings: Settings) -> list[Any]:
    return [
        msgspec.json.decode(line, type=SHAPES.get(record.topic, Event))
        for record in records(settings, SOURCE_TOPICS)
        for line in (record.value or b"").split(b"\n")
    ]


def statuses(settings: Settings) -> dict[str, Status]:
    found = [msgspec.json.decode(r.value or b"", type=Status) for r in records(settings, [STATUS])]
    return {status.account: status for status in found}


def replay(settings: Settings, registry: Registry, *files: Path, **options: Any) -> tuple[Replayed, str]:
    console = Console(file=io.StringIO(), width=200, force_terminal=options.pop("terminal", False))
    replayed = run_replay(settings, registry, files, console=console, clock=lambda: NOW, **options)
    assert isinstance(console.file, io.StringIO)
    return replayed, console.file.getvalue()


def all_accounts() -> list[str]:
    text = list_accounts([INTERACTIONS], mapping=MAPPING)
    return list(YAML(typ="safe").load(text)["accounts"])


def test_a_whole_file(tmp_path: Path) -> None:
    accounts = all_accounts()
    assert len(accounts) == 332
    settings, registry = configured(tmp_path, accounts)
    replayed, said = replay(settings, registry, INTERACTIONS, mapping=MAPPING)
    assert replayed == Replayed(13_343, {"likes": 9_936, "comments": 3_407}, 0, [], {}, False, True)
    assert said.endswith("Read 13,343 rows, published 3,407 comments, 9,936 likes.\n")
    events = published(settings)
    assert len(events) == 13_343
    assert len({(event.kind, event.id) for event in events}) == 13_343
    first, last = min(event.at_ms for event in events), max(event.at_ms for event in events)
    with closing(open_admin(settings.broker)) as admin:
        ends = admin.end_offsets("likes")
    assert statuses(settings).keys() == set(accounts)
    for account, status in statuses(settings).items():
        assert status.ended
        assert (status.since_ms, status.complete_through_ms) == (first, last)
        partition = registry.accounts[account].partition
        assert status.published[f"likes/{partition}"] == ends[partition]


def test_times_moved_to_now(tmp_path: Path) -> None:
    settings, registry = configured(tmp_path, all_accounts())
    replay(settings, registry, INTERACTIONS, mapping=MAPPING, shift_to_now=True)
    times = [event.at_ms for event in published(settings)]
    assert max(times) == NOW
    assert max(times) - min(times) == 1_535_846_400_000 - 1_520_812_800_000
    assert {status.complete_through_ms for status in statuses(settings).values()} == {NOW}


def test_accounts_that_nobody_configured(tmp_path: Path) -> None:
    settings, registry = configured(tmp_path, ["file:7"])
    replayed, said = replay(settings, registry, INTERACTIONS, mapping=MAPPING)
    assert {event.account for event in published(settings)} == {"file:7"}
    assert sum(replayed.published.values()) + sum(replayed.unknown.values()) == 13_343
    assert "of 331 accounts are left out" in said
    assert '      - "file:1837"\n' in said
    assert "(and 326 more)" in said


def test_none_of_the_accounts_is_configured(tmp_path: Path) -> None:
    settings, registry = configured(tmp_path, ["file:nobody"])
    with pytest.raises(ConfigurationError, match='write under a client:\n    accounts:\n      - "file:1837"'):
        replay(settings, registry, INTERACTIONS, mapping=MAPPING)
    assert not (tmp_path / "resonanz.db").exists(), "nothing was begun"


def test_bad_rows_are_dead_letters_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "likes.csv"
    path.write_text("account,at_ms\nx,1520812800000\nx,noon\n")
    settings, registry = configured(tmp_path, ["file:x"])
    replayed, said = replay(settings, registry, path, kind="like")
    assert replayed.refused == 1
    assert "1 row could not be understood" in said
    (letter,) = records(settings, [DEAD_LETTERS])
    assert letter.value == b"x,noon"
    headers = dict(letter.headers)
    assert (headers["reason"], headers["topic"], headers["offset"]) == (b"wrong_type", b"likes.csv", b"3")
    assert headers["error"].startswith(b"at_ms: ")


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    for name, times in (("a", (1, 4, 5)), ("b", (2, 3, 6))):
        lines = "".join(f"x,{name}{time},152081280000{time}\n" for time in times)
        (tmp_path / f"{name}.csv").write_text("account,id,at_ms\n" + lines)
    settings, registry = configured(tmp_path, ["file:x"])
    replay(settings, registry, tmp_path / "a.csv", tmp_path / "b.csv", kind="like")
    assert [event.id for event in published(settings)] == ["a1", "b2", "b3", "a4", "a5", "b6"]


def test_a_finished_replay_can_be_done_again(tmp_path: Path) -> None:
    path = tmp_path / "likes.csv"
    path.write_text("account,id,at_ms\nx,a,1520812800000\n")
    settings, registry = configured(tmp_path, ["file:x"])
    replay(settings, registry, path, kind="like")
    again, _ = replay(settings, registry, path, kind="like", shift_to_now=True)
    assert again.finished
    assert not again.resumed
    assert [(event.id, event.at_ms) for event in published(settings)] == [
        ("a", 1_520_812_800_000),
        ("a", NOW),
    ]


def test_a_stop_is_said(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    settings, registry = configured(tmp_path, all_accounts())
    replayed, said = replay(settings, registry, INTERACTIONS, mapping=MAPPING, stop=stop)
    assert (replayed.rows, replayed.finished) == (0, False)
    assert "the same command goes on from here" in said


def test_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    settings, registry = configured(tmp_path, all_accounts())
    _, said = replay(settings, registry, INTERACTIONS, mapping=MAPPING, terminal=True)
    assert "13343/13343" in said


def test_one_row_of_the_far_future_is_no_reason_to_wait_for_it(tmp_path: Path) -> None:
    path = tmp_path / "likes.csv"
    path.write_text(f"account,id,at_ms\nx,a,1520812800000\nx,b,{NOW + 600_001}\nx,c,1520812900000\n")
    settings, registry = configured(tmp_path, ["file:x"])
    replayed, _ = replay(settings, registry, path, kind="like")
    assert (replayed.refused, replayed.published) == (1, {"likes": 2})
    assert statuses(settings)["file:x"].complete_through_ms == 1_520_812_900_000
    (letter,) = records(settings, [DEAD_LETTERS])
    assert dict(letter.headers)["reason"] == b"time_out_of_range"
    moved, _ = replay(settings, registry, path, kind="like", shift_to_now=True)
    assert moved.published == {"likes": 3}
