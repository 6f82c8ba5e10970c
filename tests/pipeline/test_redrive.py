"""Dead letters on their way back: once, where they belong, and only what is good by now."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import Broker
from tests.counting import Counting, audited, records, settings_on
from tests.engines import KEY, event, without_posts

from resonanz_streams import cli
from resonanz_streams.clock import wall_ms
from resonanz_streams.letters import letter
from resonanz_streams.settings import Settings
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing, Record

NOW = wall_ms()


def configure(folder: Path, broker: Broker, *accounts: str) -> Path:
    (folder / "key").write_text(KEY)
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker.url}\ntopic_prefix: '{broker.prefix}'\ngroup: g\npartitions: 3\n"
        "pseudonym_key: file:key\n"
        f"clients:\n  fleet:\n    name: Fleet\n    accounts: {json.dumps(list(accounts))}\n"
    )
    return path


def count(settings: Settings) -> None:
    async def scene() -> None:
        async with Counting(settings, clock_ms=NOW) as worker:
            await worker.read()
            await worker.tick()

    asyncio.run(scene())


def everything(broker: Broker, topic: str) -> list[Record]:
    return asyncio.run(broker.everything(topic))


def recent(**changes: Any) -> dict[str, Any]:
    return event(**{"at_ms": NOW - 60_000, **changes})


class Redriven:
    """What the command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> None:
        self.code = cli.run(["redrive", *map(str, arguments)])
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def test_what_is_good_by_now_is_sent_once_and_the_rest_stays(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.create_topics()
    bad = [Outgoing("likes", b"file:a", b"{"), Outgoing("likes", b"file:a", json.dumps(recent(v=7)).encode())]
    unknown = [recent(id=f"u{n}", account="file:b", kind="comment") for n in range(3)]
    old = recent(id="old", account="file:b", at_ms=NOW - 100 * 86_400_000)
    people = {"v": 1, "id": "f", "source": "file", "account": "file:b", "at_ms": NOW - 9, "followers": 5}
    broker.publish(*bad, *records([recent(), *unknown, old, people]))
    broker.publish(letter(b"{}", "not_json", "?", origin="jetstream", partition=0, offset=3))
    count(settings_on(broker, "file:a"))
    sources = ("likes", "comments", "shares", "audience")
    before = {topic: broker.ends(topic) for topic in sources}

    config = configure(tmp_path, broker, "file:a", "file:b")
    listed = Redriven(capsys, "--list", "--json", "--config", config).json
    bad_now = {"not_json": 1, "unknown_version": 1, "no_event": 1}
    assert listed == {"published": 0, "good": 5, "late": 1, "published_before": 0, "bad": bad_now}
    assert {topic: broker.ends(topic) for topic in sources} == before

    report = asyncio.run(audited(settings_on(broker, "file:a", "file:b"), at_ms=NOW))
    assert report.refused == 4  # the fifth is of no window

    sent = Redriven(capsys, "--config", config)
    assert sent.code == 0
    assert sent.out.endswith("5 letters published again, 3 are still bad.\n")
    assert "1 of them are older than every window" in sent.err
    added = [
        (record.topic, record.key, json.loads(line)["id"])
        for topic in ("comments", "likes", "audience")
        for record in everything(broker, topic)
        if record.offset >= before[topic][record.partition]
        for line in (record.value or b"").split(b"\n")
    ]
    assert sorted(added) == sorted(
        [
            *(("comments", b"file:b", f"u{n}") for n in range(3)),
            ("likes", b"file:b", "old"),
            ("audience", b"file:b", "f"),
        ]
    )

    report = asyncio.run(audited(settings_on(broker, "file:a", "file:b"), at_ms=NOW))
    assert report.refused == 0

    again = Redriven(capsys, "--json", "--config", config).json
    assert again == {"published": 0, "good": 0, "late": 0, "published_before": 5, "bad": bad_now}

    settings = settings_on(broker, "file:a", "file:b")

    async def scene() -> list[float]:
        async with Counting(settings, clock_ms=NOW) as worker:
            await worker.read()
            await worker.tick()
            partition = worker.registry.accounts["file:b"].partition
            engine = worker.pipeline.engines[partition]
            inputs = engine.inputs()
            assert inputs is not None
            row = [account.id for account in engine.accounts].index("file:b")
            return [*without_posts(inputs.counts["1h"][row]), float(inputs.followers["1h"][row])]

    assert asyncio.run(scene()) == [0, 3, 0, 0, 5.0]


def test_only_those_of_a_reason(broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broker.create_topics()
    config = configure(tmp_path, broker, "file:a")
    line = json.dumps(recent()).encode()
    for reason in ("quarantined", "unknown_account"):
        broker.publish(letter(line, reason, "?", origin="likes", partition=0, offset=0))
    found = Redriven(capsys, "--reason", "quarantined", "--json", "--config", config).json
    assert (found["published"], found["bad"]) == (1, {})
    assert Redriven(capsys, "--reason", "nonsense", "--config", config).code == 2


def test_repaired_by_hand(broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broker.create_topics()
    config = configure(tmp_path, broker, "file:a")
    broker.publish(
        *records([recent(id="r1", account="file:typo", kind="share")]),
        Outgoing("shares", b"file:a", b"\xff\x00"),
        Outgoing("shares", b"file:a", b'{"v":1,"id":"cut'),
    )
    count(settings_on(broker, "file:a"))
    letters, repaired = tmp_path / "letters.jsonl", tmp_path / "repaired.jsonl"
    exported = Redriven(capsys, "--out", letters, "--config", config)
    assert exported.out.endswith("0 letters can be published again, 3 are still bad.\n")
    lines = [json.loads(line) for line in letters.read_text().splitlines()]
    assert {(line["reason"], *(line.keys() - {"letter", "topic", "reason", "error"})) for line in lines} == {
        ("unknown_account", "event"),
        ("not_json", "base64"),
        ("not_json", "text"),
    }
    for line in lines:
        if "event" in line:
            line["event"]["account"] = "file:a"
    repaired.write_text("".join(json.dumps(line) + "\n" for line in lines))
    sent = Redriven(capsys, repaired, "--config", config)
    assert sent.code == 1
    assert sent.out.endswith("1 letters published again, 2 are still bad.\n")
    assert sum("not_json" in told and ": line " in told for told in sent.err.splitlines()) == 2
    keys = {r.key for r in everything(broker, "shares") if b'"r1"' in (r.value or b"").replace(b" ", b"")}
    assert keys == {b"file:typo", b"file:a"}
    # It is sent once, from the file and from the topic.
    assert Redriven(capsys, repaired, "--json", "--config", config).json["published_before"] == 1
    assert Redriven(capsys, "--json", "--config", config).json["bad"] == {"not_json": 2}


def test_a_file_that_is_none_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")
    broker.create_topics()
    config = configure(tmp_path, broker, "file:a")
    path = tmp_path / "letters.jsonl"
    path.write_text('\n{"topic": "likes", "letter": "x"}\n')
    found = Redriven(capsys, path, "--config", config)
    assert (found.code, found.out) == (2, "")
    assert "letters.jsonl:2: is no letter; write lines as resonanz redrive --out makes them" in found.err
    assert Redriven(capsys, path, "--out", path, "--config", config).code == 2


def test_letters_that_stand_together_are_noted_together(broker: Broker, tmp_path: Path) -> None:
    """One record says of a whole batch that it was sent."""
    broker.create_topics()
    config = configure(tmp_path, broker, "file:a")
    lines = [json.dumps(recent(id=str(number))).encode() for number in range(50)]
    broker.publish(
        *(
            letter(line, "unknown_account", "?", origin="likes", partition=0, offset=n)
            for n, line in enumerate(lines)
        )
    )
    assert cli.run(["redrive", "--config", str(config)]) == 0
    headers = [dict(record.headers) for record in everything(broker, DEAD_LETTERS)]
    notes = [found["redriven"] for found in headers if "redriven" in found]
    assert len(notes) == 1
    assert notes[0].startswith(b"0/0-49") or broker.is_kafka
