"""Dead letters, files and notes that somebody made to do harm, or by mistake: redrive goes on."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.brokers import Broker
from tests.pipeline.test_redrive import Redriven, configure, recent
from tests.processes import free_port

from resonanz_streams.letters import letter
from resonanz_streams.redrive_notes import note
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing

NESTED: Final = (65, 400, 3_000, 100_000)


@pytest.fixture
def place(tmp_path: Path) -> Broker:
    found = Broker(f"sqlite:///{tmp_path}/log.db", "")
    found.create_topics()
    return found


def deep(brackets: int) -> bytes:
    return b'{"account":"file:a","id":' + b"[" * brackets + b"]" * brackets + b"}"


def bury(place: Broker, *lines: bytes) -> None:
    place.publish(*(letter(line, "too_deep", "?", origin="likes", partition=0, offset=0) for line in lines))


def good() -> bytes:
    return json.dumps(recent()).encode()


def test_lines_of_any_depth_are_in_nobodys_way(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = configure(tmp_path, place, "file:a"), tmp_path / "letters.jsonl"
    bury(place, *map(deep, NESTED), good())
    bad = {"too_deep": 4}
    assert Redriven(capsys, "--list", "--json", "--config", config).json["bad"] == bad
    assert Redriven(capsys, "--out", out, "--json", "--config", config).json["bad"] == bad
    kept = [json.loads(line)["text"].encode() for line in out.read_text().splitlines()]
    assert kept == [deep(brackets) for brackets in NESTED]
    sent = Redriven(capsys, "--json", "--config", config).json
    assert (sent["published"], sent["bad"]) == (1, bad)
    # As they were written they can be given back; by hand they may be repaired into anything.
    assert Redriven(capsys, out, "--json", "--config", config).json["bad"] == bad


@pytest.mark.parametrize("brackets", NESTED[2:])
def test_a_file_with_a_line_of_any_depth_is_told_with_its_line(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str], brackets: int
) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(b'\n{"topic": "likes", "event": ' + deep(brackets) + b"}\n")
    found = Redriven(capsys, path, "--config", configure(tmp_path, place, "file:a"))
    assert (found.code, found.out) == (2, "")
    assert "letters.jsonl:2: is no letter" in found.err


@pytest.mark.parametrize("where", ["0/-5", "0/ 5", "0/5-9", f"0/{10**30}", "5", 5, [0, 5]])
def test_a_file_that_names_no_place_is_told(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: Any
) -> None:
    """A note of a thousand letters would else be spoiled by one of them."""
    path = tmp_path / "letters.jsonl"
    path.write_text(json.dumps({"letter": where, "topic": "likes", "event": recent()}))
    found = Redriven(capsys, path, "--config", configure(tmp_path, place, "file:a"))
    assert (found.code, found.out) == (2, "")
    assert "letters.jsonl:1: is no letter" in found.err


def test_what_is_as_deep_as_allowed_is_an_event(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = configure(tmp_path, place, "file:a"), tmp_path / "letters.jsonl"
    bury(place, deep(63))
    assert Redriven(capsys, "--out", out, "--json", "--config", config).json["bad"] == {"wrong_type": 1}
    assert json.loads(out.read_text())["event"]["account"] == "file:a"


def test_a_file_that_is_there_is_never_written_over(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = configure(tmp_path, place, "file:a"), tmp_path / "letters.jsonl"
    bury(place, b"{")
    out.write_text("repaired by hand\n")
    found = Redriven(capsys, "--out", out, "--config", config)
    assert (found.code, found.out) == (2, "")
    assert f"{out}: is there already" in found.err
    assert "name another file, or move it away" in found.err
    assert out.read_text() == "repaired by hand\n"


def test_a_file_that_cannot_be_made_is_told(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(place, b"{")
    found = Redriven(
        capsys, "--out", tmp_path / "no folder" / "f", "--config", configure(tmp_path, place, "file:a")
    )
    assert (found.code, found.out) == (2, "")
    assert "f: cannot be made: No such file or directory; name another file" in found.err


def test_without_a_bad_letter_the_file_is_empty(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = configure(tmp_path, place, "file:a"), tmp_path / "letters.jsonl"
    assert Redriven(capsys, "--out", out, "--config", config).code == 0
    assert out.read_bytes() == b""


@pytest.mark.parametrize("url", ["sqlite:///{folder}/none.db", "kafka://127.0.0.1:{port}"])
@pytest.mark.parametrize("options", [(), ("--list",), ("--out", "{folder}/letters.jsonl")])
def test_where_there_is_no_broker_nothing_is_made(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    url: str,
    options: tuple[str, ...],
) -> None:
    away = Broker(url.format(folder=tmp_path, port=free_port()), "")
    words = [option.format(folder=tmp_path) for option in options]
    found = Redriven(capsys, *words, "--config", configure(tmp_path, away, "file:a"))
    assert (found.code, found.out) == (1, "")
    assert "there is no such database; start" in found.err or "Kafka does not answer at" in found.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "resonanz.yaml"]


def test_reasons_choose_among_the_topics_letters_only(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("")
    config = configure(tmp_path, place, "file:a")
    found = Redriven(capsys, path, "--reason", "not_json", "--config", config)
    assert found.code == 2
    assert "not among those of FILE; leave it out" in found.err


@pytest.mark.parametrize("value", [b"\xff", b"what?", b"0/0-99999999999999"])
def test_a_note_that_nobody_of_us_wrote_hides_no_letter(
    place: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: bytes
) -> None:
    headers: Any = [("reason", b"redriven"), ("redriven", value)]
    place.publish(Outgoing(DEAD_LETTERS, None, b"", headers))
    bury(place, good(), good())
    place.publish(note([(0, 1)]))
    found = Redriven(capsys, "--json", "--config", configure(tmp_path, place, "file:a"))
    assert (found.json["published"], found.json["published_before"]) == (1, 1)
