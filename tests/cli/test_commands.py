"""The commands that answer and end: exit codes, data on standard output, sentences on standard error."""

import csv
import io
import json
from pathlib import Path

import pytest
from msgspec import structs

from resonanz_streams import cli, kpis
from resonanz_streams.events import KpiEntry, KpiSnapshot, encode
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.ports import Outgoing

RIGHT = """\
clients:
  bakery:
    name: Bakery Winter
    potential: 1200
    accounts: ["file:a17", {id: "facebook:bakery", connector: simulator}]
  choir:
    name: Village Choir
    accounts: ["file:b2"]
"""

WRONG = """\
clients:
  bakery:
    name: Bakery Winter
    potential: many
    timezone: Europe/Berln
    accounts: ["a17"]
  Choir!:
    name: Village Choir
broker: mqtt://there
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "resonanz.yaml"
    path.write_text(RIGHT)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_check_names_every_mistake_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text(WRONG)
    code, out, err = run(capsys, "check", "--config", path)
    assert (code, out) == (2, "")
    for line, words in ((4, "potential"), (5, "Europe/Berlin"), (6, "platform:native-id"), (9, "kafka://")):
        assert any(f"resonanz.yaml:{line}:" in told and words in told for told in err.splitlines()), err
    assert "Traceback" not in err


def test_check_says_what_is_right_and_what_is_missing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "check", "--config", config)
    assert code == 0
    assert out.endswith("right. 2 clients, 3 accounts, connectors: simulator.\n")
    assert err == "Without potential, so without interactions_per_potential: choir.\n"


def test_check_lists_what_is_excluded_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text(
        "clients:\n  cafe:\n    name: Café\n    potential: 5\n    accounts: ['file:a']\n    exclusions:\n"
        "      - {account: 'file:a', to: 2026-05-01, actors: [x], reason: a raffle}\n"
    )
    code, out, _ = run(capsys, "check", "--config", path)
    assert code == 0
    assert out.splitlines()[1:] == [
        (
            "file:a: what 1 of its people did from the beginning until 2026-05-01 00:00:00 UTC "
            "is left out of authentic figures: a raffle"
        )
    ]
    code, out, _ = run(capsys, "check", "--config", path, "--json")
    (found,) = json.loads(out)["exclusions"]
    assert (found["account"], found["to_ms"], found["actors"], found["reason"]) == (
        "file:a",
        1_777_593_600_000,
        1,
        "a raffle",
    )


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("connectors: {simulator: {sed: 7}}", "connectors.simulator.sed: is not an option"),
        ("connectors: {bluesky: {}}", "connectors.bluesky: has no accounts"),
        ("connectors: {blusky: {}}", "did you mean 'bluesky'?"),
    ],
)
def test_check_looks_into_the_connectors(
    config: Path, capsys: pytest.CaptureFixture[str], lines: str, sentence: str
) -> None:
    config.write_text(RIGHT + lines)
    code, _, err = run(capsys, "check", "--config", config)
    assert code == 2
    assert sentence in err


def test_a_missing_configuration_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "check", "--config", tmp_path / "none.yaml")
    assert code == 2
    assert "there is no such file" in err
    assert "resonanz up --demo" in err


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "replay")[0] == 2
    assert run(capsys, "nonsense")[0] == 2
    code, _, err = run(capsys, "replay", __file__, "--map", "nonsense")
    assert code == 2
    assert "write field=column" in err


def test_kpis_and_connectors_for_programs_and_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "kpis", "--json")
    assert code == 0
    listed = [kpi["kpi"] for kpi in json.loads(out)]
    assert listed[0] == "interactions"
    assert listed == [kpi.id for kpi in kpis.KPIS]
    followers = next(kpi for kpi in json.loads(out) if kpi["kpi"] == "engagement_rate_by_followers")
    assert (followers["formula"], followers["interval"], followers["exported"], followers["deep"]) == (
        ("1000 · I / F", "Garwood", ["24h"], False)
    )
    lines = {line.split()[0]: " ".join(line.split()) for line in run(capsys, "kpis")[1].splitlines()}
    assert lines["velocity"] == (
        "velocity per_minute 1m 5m 15m 1h 24h 7d 28d every tick 5m I / minutes of the window"
    )
    assert lines["over_performance"].startswith("over_performance ratio 24h 7d 28d deep no, API only the ")
    assert lines["applause"] == "applause ratio 24h 7d 28d every tick by export: L / P"
    assert lines["reciprocity"].startswith("reciprocity ratio 24h 7d 28d deep by export: threads that go")
    _, out, _ = run(capsys, "connectors", "--json")
    assert [one["connector"] for one in json.loads(out)] == ["bluesky", "file", "simulator"]


def test_whoever_makes_topics_needs_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "resonanz.yaml"
    secrets = "pseudonym_key: ${RESONANZ_NOWHERE}\nwall: {agency_token: 'file:nowhere'}\n"
    config.write_text(f"broker: kafka://kafka-1:9093\ntopic_prefix: p.\n{secrets}{RIGHT}")
    code, out, err = run(capsys, "topics", "--acls", "--config", config)
    assert (code, err) == (0, "")
    assert "kafka-acls.sh --bootstrap-server kafka-1:9093 --add --allow-principal User:resonanz-wall" in out
    config.write_text(f"{secrets}{RIGHT}")
    assert run(capsys, "topics", "--create", "--config", config)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".db") == ["resonanz.yaml"]
    # All others do, and a secret in the text is a mistake everywhere.
    assert run(capsys, "query", "file:b2", "--config", config)[0] == 2
    config.write_text(f"pseudonym_key: hunter2\n{RIGHT}")
    code, _, err = run(capsys, "topics", "--config", config)
    assert code == 2
    assert "a secret must not stand here" in err
    assert "hunter2" not in err


def test_topics_complains_then_creates(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "topics", "--config", config)
    assert code == 1
    assert "topic likes does not exist; make it with: resonanz topics --create" in err
    assert run(capsys, "topics", "--create", "--config", config)[0] == 0
    code, out, err = run(capsys, "topics", "--json", "--config", config)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["problems"] == []
    assert {"topic": "likes", "partitions": 4, "cleanup": "delete", "records": 0} in told["topics"]
    config.write_text(RIGHT + "partitions: 6\n")
    code, _, err = run(capsys, "topics", "--create", "--config", config)
    assert code == 1
    assert "topic likes has 4 partitions, the configuration says 6" in err


def tell(config: Path, snapshot: KpiSnapshot) -> None:
    """Write a snapshot as a worker would."""
    from resonanz_connectors.publisher import open_publisher

    url = f"sqlite:///{config.parent}/resonanz.db"
    assert run_quietly("topics", "--create", "--config", config) == 0
    publisher = open_publisher(url)
    publisher.publish([Outgoing(KPIS, snapshot.account.encode(), encode(snapshot))])
    publisher.close()
    admin = open_admin(url)
    assert sum(admin.end_offsets(KPIS).values()) == 1
    admin.close()


def run_quietly(*arguments: str | Path) -> int:
    return cli.run([str(argument) for argument in arguments])


SNAPSHOT = KpiSnapshot(
    at_ms=1_700_000_000_000,
    client="bakery",
    platform="file",
    account="file:a17",
    coverage=0.5,
    read={"likes": 12, "comments": 3},
    kpis=[
        KpiEntry(
            kpi="engagement_rate_by_followers",
            window="24h",
            value=1000 * 4 / 300,
            lo=3.63289,
            hi=34.1386,
            numerator=4.0,
            denominator=300.0,
            coverage=0.5,
        ),
        KpiEntry(kpi="interactions_per_potential", window="1h", coverage=1.0, reason="no_potential"),
    ],
)


def test_query_in_every_format(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(config, SNAPSHOT)
    capsys.readouterr()
    code, out, _ = run(capsys, "query", "file:a17", "--config", config)
    assert code == 0
    assert "2023-11-14 22:13:20 UTC" in out
    assert "13.33  3.63 to 34.14  4 / 300       50%  PARTIAL" in out
    assert "absent" in out
    assert "no_potential" in out
    _, out, _ = run(capsys, "query", "file:a17", "--config", config, "--window", "1h", "--json")
    (row,) = json.loads(out)
    assert (row["kpi"], row["value"], row["reason"], row["client"]) == (
        "interactions_per_potential",
        None,
        "no_potential",
        "bakery",
    )
    _, out, _ = run(capsys, "query", "file:a17", "--config", config, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["value"] for row in rows] == ["13.333333333333334", ""]
    assert list(rows[0]) == [
        "at_ms",
        "client",
        "platform",
        "account",
        "kpi",
        "window",
        "part",
        "value",
        "lo",
        "hi",
        "numerator",
        "denominator",
        "coverage",
        "reason",
    ]


def test_query_of_what_is_not_there(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "query", "file:a71", "--config", config)
    assert code == 2
    assert "did you mean file:a17" in err
    code, _, err = run(capsys, "query", "file:b2", "--config", config)
    assert code == 1
    database = config.parent / "resonanz.db"
    assert f"{database}: there is no such database; start a worker first: resonanz worker" in err
    assert not database.exists()
    tell(config, SNAPSHOT)
    code, _, err = run(capsys, "query", "file:b2", "--config", config)
    assert code == 1
    assert "nothing is known of file:b2 yet" in err


COUNT_OF_4 = "χ²(0.025; 8) / 2 = 1.08987 and χ²(0.975; 10) / 2 = 10.2416"


def test_query_explains_a_figure(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(config, SNAPSHOT)
    capsys.readouterr()
    words = ("query", "file:a17", "--config", config, "--explain")
    code, out, err = run(capsys, *words, "engagement_rate_by_followers")
    assert (code, err) == (0, "")
    assert [line.strip() for line in out.splitlines()] == [
        "engagement_rate_by_followers of file:a17, client bakery",
        "Net interactions per 1,000 followers.",
        "Formula: 1000 · I / F",
        "",
        "24h",
        "value        13.3333 per 1,000",
        "numbers      1000 · 4 / 300 = 13.3333",
        "numerator    4: net interactions",
        "denominator  300: followers, the mean over the time in which they are known",
        "interval     3.63289 to 34.1386 at 95 %, Garwood",
        f"{COUNT_OF_4}; 1000 · 1.08987 / 300 = 3.63289 and 1000 · 10.2416 / 300 = 34.1386",
        "coverage     50 % PARTIAL: the rest of the window nobody watched",
        "window       later than 2023-11-13 22:10:00, up to 2023-11-14 22:13:20 UTC",
        "read         the log of its partition up to comments 3, likes 12",
    ]
    _, out, _ = run(capsys, *words, "interactions_per_potential", "--window", "1h")
    assert "absent       the client has no potential that is valid now (no_potential)" in out
    _, out, _ = run(capsys, *words, "interactions_per_potential", "--json")
    (row,) = json.loads(out)
    assert (row["value"], row["why"]) == (None, "the client has no potential that is valid now")
    _, _, err = run(capsys, "query", "file:a17", "--config", config)
    assert err == "no_potential: the client has no potential that is valid now.\n"


def test_names_from_events_do_not_reach_the_terminal_as_they_are(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id may hold what clears the screen, or turns the direction of writing; programs get it unchanged."""
    part = "post:p\x1b[2J\u202e\nü [b]"
    entry = KpiEntry(kpi="over_performance", window="28d", part=part, value=2.0)
    tell(config, structs.replace(SNAPSHOT, kpis=[entry]))
    capsys.readouterr()
    words = ("query", "file:a17", "--config", config)
    seen = "post:p\ufffd[2J\ufffd\ufffdü [b]"
    _, out, _ = run(capsys, *words)
    assert seen in out
    _, out, _ = run(capsys, *words, "--explain", "over_performance")
    assert f"28d, {seen}: " in out
    assert not {"\x1b", "\u202e"} & set(out)
    _, out, _ = run(capsys, *words, "--json")
    assert json.loads(out)[0]["part"] == part
    _, out, _ = run(capsys, *words, "--format", "csv")
    assert next(csv.DictReader(io.StringIO(out, newline="")))["part"] == part


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["velocty"], 2, "'velocty' is no KPI; did you mean velocity?"),
        (["interaction_mix", "--window", "1m"], 2, "has no window 1m; write one of 1h, 24h, 7d, 28d"),
        (["velocity", "--format", "csv"], 2, "write --json"),
        (["backlog"], 1, "are without backlog: deep KPIs are computed some seconds after a worker's start"),
        (["velocity"], 1, "are without velocity: it failed, or this worker does not know it"),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    tell(config, SNAPSHOT)
    found, _, err = run(capsys, "query", "file:a17", "--config", config, "--explain", *words)
    assert (found, sentence in err) == (code, True), err


def test_a_kpi_that_the_configuration_leaves_out_is_said_to_be(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(RIGHT + "kpis: [velocity]\n")
    code, _, err = run(capsys, "query", "file:a17", "--config", config, "--explain", "backlog")
    assert code == 2
    assert "backlog is not computed: write it under kpis:" in err


def test_replay_publishes_what_the_configuration_knows(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "id,when,kind,account\n"
        "1,2024-05-01T10:00:00Z,like,file:a17\n"
        "2,2024-05-01T10:00:01Z,like,file:nobody\n"
        "3,soon,like,file:a17\n"
    )
    code, _, err = run(capsys, "replay", path, "--config", config)
    assert code == 2
    assert "at_ms" in err
    code, _, err = run(capsys, "replay", path, "--map", "at_ms=when", "--config", config)
    assert code == 0
    assert "published 1 likes" in err
    assert "1 row could not be understood and went to topic dead-letters" in err
    assert "The first: events.csv:4: when: " in err
    assert "All of it is older than the horizon of 29d" in err
    assert "--shift-to-now" in err
    assert '- "file:nobody"' in err
    code, out, _ = run(capsys, "replay", path, "--map", "at_ms=when", "--list-accounts")
    assert code == 0
    assert '- "file:a17"  # 1 row' in out


def test_backtest_writes_what_was_at_every_step(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out_path = tmp_path / "events.csv", tmp_path / "kpis.csv"
    path.write_text(
        "id,at_ms,kind,account\n"
        "1,1700000000000,like,file:a17\n"  # 22:13:20
        "2,1700002800000,comment,file:a17\n"  # 23:00:00, the very edge of a step
        "3,1700002800001,like,file:a17\n"
    )
    code, out, err = run(
        capsys, "backtest", path, "--config", config, "--step", "1h", "--kpis", "interactions",
        "--windows", "24h", "--out", out_path,
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "counted 3 additions" in err
    rows = list(csv.DictReader(out_path.read_text().splitlines()))
    assert [(row["at_ms"], row["part"], row["value"]) for row in rows] == [
        ("1700002800000", "", "2"),
        ("1700002800000", "like", "1"),
        ("1700002800000", "comment", "1"),
        ("1700006400000", "", "3"),
        ("1700006400000", "like", "2"),
        ("1700006400000", "comment", "1"),
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--step", "hourly"], "write a number and a unit"),
        (["--step", "²h"], "write a number and a unit"),
        (["--step", "0d"], "write a number and a unit"),
        (["--step", "99999999999d"], "at most 3660d"),
        (["--windows", "2h"], "'2h' is not known"),
        (["--from", "yesterday"], "write a time such as"),
        (["--out", "kpis.xlsx"], ".parquet"),
    ],
)
def test_backtest_says_what_to_write_instead(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_text("id,at_ms,kind,account\n1,1700000000000,like,file:a17\n")
    code, _, err = run(capsys, "backtest", path, "--config", config, "--out", tmp_path / "o.csv", *words)
    assert code == 2
    assert sentence in err
