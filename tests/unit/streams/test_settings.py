"""resonanz.yaml: every mistake at once, each with its line and what to write instead."""

from pathlib import Path
from typing import Any

import pytest

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.settings import Settings, load_settings, settings_of


def complaints(text: str, folder: Path, **environment: str) -> list[str]:
    """The sentences about a file, without its path."""
    file = folder / "resonanz.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file, environment)
    sentences = str(caught.value).splitlines()
    assert all(sentence.startswith(str(file)) for sentence in sentences)
    return [sentence.removeprefix(str(file)).removeprefix(":") for sentence in sentences]


def loaded(text: str, folder: Path, **environment: str) -> Settings:
    file = folder / "resonanz.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environment)


EXAMPLE = """\
broker: sqlite:///resonanz.db
clock: wall
clients:
  bakery:
    name: Bakery Winter
    timezone: Europe/Berlin
    business_hours: "Mo-Fr 08:00-18:00"
    response_sla: 4h
    potential: 1200
    own_actors: [baker]
    target_list: targets.txt
    topics: {bread: [sourdough, rye]}
    accounts:
      - {id: "bluesky:did:plc:abc", handle: winter.example, connector: bluesky}
      - "file:a17"
  cafe:
    name: Café
    potential: [{from: 2026-01-01, people: 1200}, {from: 2026-06-01, people: 1500}]
connectors:
  bluesky: {handles: [winter.example]}
  file:
export:
  interactions: [28d]
"""


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text("# whom we want\nmill\n\n mill \nfarm\n")
    settings = loaded(EXAMPLE, tmp_path)
    bakery = settings.clients["bakery"]
    assert settings.broker == f"sqlite:///{tmp_path}/resonanz.db", "beside the file"
    assert (bakery.name, bakery.timezone, bakery.potential) == ("Bakery Winter", "Europe/Berlin", 1200)
    assert [(a.id, a.handle, a.connector) for a in bakery.accounts] == [
        ("bluesky:did:plc:abc", "winter.example", "bluesky"),
        ("file:a17", None, None),
    ]
    assert bakery.target_list == ("mill", "farm")
    assert (bakery.topics, bakery.venues) == ({"bread": ["sourdough", "rye"]}, [])
    steps = settings.clients["cafe"].potential
    assert isinstance(steps, list)
    assert [(step.start.isoformat(), step.people) for step in steps] == [
        ("2026-01-01", 1200),
        ("2026-06-01", 1500),
    ]
    assert settings.connectors == {"bluesky": {"handles": ["winter.example"]}, "file": {}}
    assert settings.export == {"interactions": ["28d"]}
    assert settings.path == tmp_path / "resonanz.yaml"


def test_what_holds_without_a_word(tmp_path: Path) -> None:
    settings = loaded("clients: {}\n", tmp_path)
    assert settings.clock == "wall"
    assert (settings.partitions, settings.tick_seconds, settings.horizon_ms) == (4, 1.0, 29 * 86_400_000)
    assert (settings.topic_prefix, settings.group) == ("", "resonanz")
    assert settings.broker == f"sqlite:///{tmp_path}/resonanz.db"


UGLY = """\
broker: redis://x
clok: wall
clock: walls
partitions: "four"
tick_seconds: 0
pseudonym_key: hunter2
topic_prefix: "a b"
clients:
  Bakery: {name: Bakery}
  bakery:
    name: ""
    timezone: Europe/Berlln
    business_hours: "Mon-Fri 8-18"
    response_sla: 4 hours
    potential: 0
    own_actors: baker
    topics: [bread]
    acounts: []
    accounts:
      - winter
      - "file:a17"
      - {id: "bluesky:did:plc:abc", handel: x}
      - {handle: x}
      - 5
  cafe:
    potential: [{from: 2026-13-01, people: 5}, {from: 2026-01-01}]
    accounts: "file:a"
  other:
    name: Other
    potential: many
    accounts: ["file:a17"]
  third:
export:
  interactions: [28d, 2w]
  engagement: [1h]
connectors:
  bluesky: [winter]
"""


def test_every_mistake_is_told_at_once_with_its_line_and_what_to_write_instead(tmp_path: Path) -> None:
    assert complaints(UGLY, tmp_path) == [
        '1: broker: must begin with sqlite:/// or kafka://; write "sqlite:///resonanz.db" or "kafka://host:9092"',
        "2: clok: is not known; did you mean 'clock'?",
        "3: clock: must be one of 'wall' or 'event'; write one of them",
        "4: partitions: must be a whole number; write it without quotes, such as 1200",
        "5: tick_seconds: must be at least 0.05; write a greater number",
        "6: pseudonym_key: a secret must not stand here; write ${NAME} for the environment or file:/path",
        "7: topic_prefix: may hold up to 100 letters, digits, dots, hyphens and underscores only",
        "9: clients.Bakery: may hold lower case letters, digits and hyphens only; write: bakery-winter",
        "11: clients.bakery.name: is empty; write something",
        (
            "12: clients.bakery.timezone: there is no time zone 'Europe/Berlln'; "
            "write one of the tz database, such as Europe/Berlin"
        ),
        (
            '13: clients.bakery.business_hours: write days and times such as "Mo-Fr 08:00-18:00" or '
            '"Mo-Fr 08:00-12:00,13:00-18:00; Sa 09:00-13:00"'
        ),
        '14: clients.bakery.response_sla: write a number and a unit of s, m, h or d, such as "4h"',
        "15: clients.bakery.potential: must be above 0; write a greater number",
        "16: clients.bakery.own_actors: must be a list; write it as [one, two]",
        "17: clients.bakery.topics: must hold names and values; write it as name: value",
        "18: clients.bakery.acounts: is not known; did you mean 'accounts'?",
        (
            "20: clients.bakery.accounts.0: "
            '\'winter\' is no account; write "platform:native-id", such as "bluesky:did:plc:abc"'
        ),
        "22: clients.bakery.accounts.2.handel: is not known; did you mean 'handle'?",
        "23: clients.bakery.accounts.3.id: is missing; write it",
        "24: clients.bakery.accounts.4: must hold names and values; write it as name: value",
        "25: clients.cafe.name: is missing; write it",
        "26: clients.cafe.potential.0.from: must be a day; write it as 2026-01-31",
        "26: clients.cafe.potential.1.people: is missing; write it",
        "27: clients.cafe.accounts: must be a list; write it as [one, two]",
        "30: clients.other.potential: must be a whole number; write it without quotes, such as 1200",
        "31: clients.other.accounts.0: 'file:a17' stands under 'bakery' already; an account has one client",
        "32: clients.third: is empty; write a value, or leave the line out",
        "34: export.interactions: '2w' is no window; write one of 1m, 5m, 15m, 1h, 24h, 7d, 28d",
        "35: export.engagement: is no KPI; write engagement_rate_by_post",
        "37: connectors.bluesky: must hold names and values; write it as name: value",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("partitions: true", "must be a whole number; write it without quotes, such as 1200"),
        ('partitions: "4"', "must be a whole number; write it without quotes, such as 1200"),
        ("partitions: [4]", "must be a whole number; write it without quotes, such as 1200"),
        ("partitions: 4.5", "must be a whole number; write it without quotes, such as 1200"),
        ("partitions: 0", "must be at least 1; write a greater number"),
        ("partitions: 10001", "must be at most 10000; write a smaller number"),
        ("partitions:", "is empty; write a value, or leave the line out"),
        ("tick_seconds: .nan", "must be a number; write it without quotes, such as 0.5"),
        ("tick_seconds: .inf", "must be a number; write it without quotes, such as 0.5"),
        ("tick_seconds: fast", "must be a number; write it without quotes, such as 0.5"),
        ("tick_seconds: 61", "must be at most 60; write a smaller number"),
        ("horizon: 9s", 'must be at least 10s and at most 400d; the default is "29d"'),
        ("horizon: 401d", 'must be at least 10s and at most 400d; the default is "29d"'),
        ("horizon: 29", "must be text; put it in quotes"),
        ("horizon: a week", 'write a number and a unit of s, m, h or d, such as "4h"'),
        ("ledger_max_mb: 1", "must be at least 16; write a greater number"),
        ("group: ''", "is empty; write a name, such as resonanz"),
        ("group: a/b", "may hold up to 100 letters, digits, dots, hyphens and underscores only"),
        ("broker: 5", "must be text; put it in quotes"),
        ("broker: sqlite:///", 'write "sqlite:///resonanz.db", or "sqlite:////absolute/path.db"'),
        ("broker: sqlite://relative", 'write "sqlite:///resonanz.db", or "sqlite:////absolute/path.db"'),
        (
            "broker: kafka://",
            'must begin with sqlite:/// or kafka://; write "sqlite:///resonanz.db" or "kafka://host:9092"',
        ),
        ("wall: on", "must hold names and values; write it as name: value"),
        ("clients:", "is empty; write a value, or leave the line out"),
        ("export: [interactions]", "must hold names and values; write it as name: value"),
    ],
)
def test_mistakes_of_one_line(line: str, sentence: str, tmp_path: Path) -> None:
    assert complaints(line + "\n", tmp_path) == [f"1: {line.partition(':')[0]}: {sentence}"]


def of_client(lines: str, folder: Path, **environment: str) -> list[str]:
    """What is said about a client that would be fine without these lines, from line 4 on."""
    text = "clients:\n  cafe:\n    name: Café\n" + "".join(f"    {line}\n" for line in lines.splitlines())
    return [sentence.replace("clients.cafe.", "") for sentence in complaints(text, folder, **environment)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("potential: true", "potential: must be a whole number; write it without quotes, such as 1200"),
        ('potential: "1200"', "potential: must be a whole number; write it without quotes, such as 1200"),
        ("potential: -3", "potential: must be above 0; write a greater number"),
        ("potential: 10000000001", "potential: must be at most 10000000000; write a smaller number"),
        ("potential: [5]", "potential.0: must hold names and values; write it as name: value"),
        (
            "potential: [{from: 2026-01-01, people: 5}, {from: 2026-01-01, people: 6}]",
            "potential: has two entries from 2026-01-01 on; leave one of them",
        ),
        (
            "potential: [{from: 20260101, people: 5}]",
            "potential.0.from: must be a day; write it as 2026-01-31",
        ),
        ("potential: [{from: soon, people: 5}]", "potential.0.from: must be a day; write it as 2026-01-31"),
        ("potential: [{frm: 2026-01-01, people: 5}]", None),
        ("timezone: ''", None),
        ("timezone: ../../etc/passwd", None),
        ("own_actors: [1]", "own_actors.0: must be text; put it in quotes"),
        ("topics: {bread: rye}", "topics.bread: must be a list; write it as [one, two]"),
        ("accounts:", "accounts: is empty; write a value, or leave the line out"),
        ("accounts: [null]", "accounts.0: is empty; write a value, or leave the line out"),
        ("accounts: [{id: 5}]", "accounts.0.id: must be text; put it in quotes"),
        (
            "accounts: ['file:a', 'file:a']",
            "accounts.1: 'file:a' stands under 'cafe' already; an account has one client",
        ),
    ],
)
def test_mistakes_of_a_client(line: str, sentence: str | None, tmp_path: Path) -> None:
    found = of_client(line, tmp_path)
    assert all(one.startswith("4: ") for one in found)
    if sentence is not None:
        assert found == ["4: " + sentence]


@pytest.mark.parametrize(
    "name",
    [
        "winter",
        "FILE:x",
        "file:",
        " file:a",
        "file: a",
        "file:a ",
        "file:a\\n",
        "file:a\\0b",
        ":a",
        "fi le:a",
    ],
)
def test_names_that_are_no_account(name: str, tmp_path: Path) -> None:
    """A line break at the end would be seen by nobody and match no event."""
    found = of_client(f'accounts: ["{name}"]', tmp_path)
    assert len(found) == 1
    assert found[0].endswith('is no account; write "platform:native-id", such as "bluesky:did:plc:abc"')


def test_an_account_longer_than_an_event_may_name_is_none(tmp_path: Path) -> None:
    assert len(of_client(f'accounts: ["file:{"x" * 508}"]', tmp_path)) == 1
    assert settings_of({"clients": {"a": {"name": "A", "accounts": ["file:" + "x" * 507]}}})


@pytest.mark.parametrize(
    "name", ["file:a b", "bluesky:did:plc:abc", "mastodon:@a@b.social", "file:ü", "a_b-1:x"]
)
def test_names_that_are_accounts(name: str) -> None:
    assert (
        settings_of({"clients": {"a": {"name": "A", "accounts": [name]}}}).clients["a"].accounts[0].id == name
    )


@pytest.mark.parametrize(
    "hours", ["Mo-Fr 08:00-18:00", "Sa 10:00-24:00", "Mo-Fr 08:00-12:00, Sa 09:00-13:00"]
)
def test_business_hours(hours: str) -> None:
    assert settings_of({"clients": {"a": {"name": "A", "business_hours": hours}}})


@pytest.mark.parametrize("hours", ["Mo-Fr", "08:00-18:00", "Mo-Fr 8-18", ""])
def test_business_hours_that_are_none(hours: str) -> None:
    with pytest.raises(ConfigurationError, match="write days and times such as"):
        settings_of({"clients": {"a": {"name": "A", "business_hours": hours}}})


def test_hours_that_overlap_and_holidays_nobody_knows_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text(
        "clients:\n"
        "  a:\n"
        "    name: A\n"
        '    business_hours: "Mo-Fr 08:00-18:00, Fr 17:00-20:00"\n'
        "    holidays: DE-BLN\n"
        "  b: {name: B, business_hours: 'Mo 10:00-24:30', holidays: Germany}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    form = (
        'write days and times such as "Mo-Fr 08:00-18:00" or "Mo-Fr 08:00-12:00,13:00-18:00; Sa 09:00-13:00"'
    )
    parts = "BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH, Augsburg"
    assert [sentence.removeprefix(f"{path}:") for sentence in str(caught.value).splitlines()] == [
        "4: clients.a.business_hours: Fr 17:00-20:00 overlaps Fr 08:00-18:00; join them",
        f"5: clients.a.holidays: 'DE-BLN': DE has no part 'BLN'; write DE-{parts}",
        f"6: clients.b.business_hours: 10:00-24:30 has a time that no clock shows; {form}",
        "6: clients.b.holidays: no holidays of 'Germany' are known; write a country such as DE, or DE-BE",
    ]


@pytest.mark.parametrize("text", ["0h", "4", "h", "4h\n", "4 h", "4hours", "9999999d", "-1h"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="write a number and a unit"):
        settings_of({"clients": {"a": {"name": "A", "response_sla": text}}})


def test_client_ids_that_look_like_steps_of_the_validation_keep_their_lines(tmp_path: Path) -> None:
    """pydantic names branches of a union ``int``, ``str`` and ``list[…]`` in its places."""
    text = 'clients:\n  int:\n    name: 5\n  str: {name: A, potential: no}\n  "a[b]":\n    name: 6\n'
    assert complaints(text, tmp_path) == [
        "3: clients.int.name: must be text; put it in quotes",
        "4: clients.str.potential: must be a whole number; write it without quotes, such as 1200",
        "5: clients.a[b]: may hold lower case letters, digits and hyphens only; write: bakery-winter",
        "6: clients.a[b].name: must be text; put it in quotes",
    ]


def test_a_mapping_without_a_file_is_called_configuration() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of({"clients": {"cafe": {}}, "partitions": 0})
    assert str(caught.value).splitlines() == [
        "configuration: partitions: must be at least 1; write a greater number",
        "configuration: clients.cafe.name: is missing; write it",
    ]


# -- secrets -------------------------------------------------------------------------------------------


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    text = (
        "pseudonym_key: ${KEY}\nwall: {agency_token: file:token}\n"
        f"clients: {{a: {{name: A, token: 'file:{tmp_path}/token'}}}}\n"
    )
    settings = loaded(text, tmp_path, KEY="from-the-environment")
    assert settings.pseudonym_key is not None
    assert settings.pseudonym_key.get_secret_value() == "from-the-environment"
    assert settings.wall.agency_token is not None
    assert settings.wall.agency_token.get_secret_value() == "from-a-file"
    assert settings.clients["a"].token == settings.wall.agency_token


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-file")
    text = "pseudonym_key: ${KEY}\nwall: {agency_token: file:token}\n"
    settings = loaded(text, tmp_path, KEY="s3cret-environment")
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    found = complaints("pseudonym_key: s3cret-here\nwall: {agency_token: [s3cret]}\n", tmp_path)
    found += complaints("pseudonym_key: ${KEY}\npartitions: 0\n", tmp_path, KEY="s3cret-environment")
    assert "s3cret" not in " ".join(found)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("${NOPE}", "the environment has no NOPE; set it, or write file:/path/of/the/secret"),
        ("${EMPTY}", "the environment has no EMPTY; set it, or write file:/path/of/the/secret"),
        ("$KEY", "a secret must not stand here; write ${NAME} for the environment or file:/path"),
        ("${KEY} ", "a secret must not stand here; write ${NAME} for the environment or file:/path"),
        ("${a b}", "a secret must not stand here; write ${NAME} for the environment or file:/path"),
        (5, "a secret must not stand here; write ${NAME} for the environment or file:/path"),
    ],
)
def test_secrets_that_are_not_there(value: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of({"pseudonym_key": value}, environment={"EMPTY": "", "KEY": "x"})
    assert str(caught.value) == f"configuration: pseudonym_key: {sentence}"


def test_files_of_secrets_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, sentence in (
        ("none", "cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("empty", "is empty; write the secret into it"),
        ("binary", "is not UTF-8 text"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            settings_of({"pseudonym_key": f"file:{name}"}, folder=tmp_path)
        assert str(caught.value) == f"configuration: pseudonym_key: {tmp_path / name} {sentence}"


# -- where the broker is -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///a.db", "sqlite:////conf/a.db"),
        ("sqlite:///data/a.db", "sqlite:////conf/data/a.db"),
        ("sqlite:///../a.db", "sqlite:////a.db"),
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("kafka://one:9092,two:9092", "kafka://one:9092,two:9092"),
    ],
)
def test_a_relative_database_stands_beside_the_configuration(url: str, resolved: str) -> None:
    assert settings_of({"broker": url}, folder=Path("/conf")).broker == resolved


def test_a_window_that_a_kpi_does_not_have_cannot_be_exported(tmp_path: Path) -> None:
    assert complaints("export: {velocity: [1h], response_rate: [24h, 1h]}\n", tmp_path) == [
        "1: export: response_rate has no window 1h; write some of 24h, 7d, 28d"
    ]


def test_what_is_told_of_single_posts_cannot_be_exported(tmp_path: Path) -> None:
    told = "over_performance is told of single posts, which are too many to be series; "
    instead = "take it out and read it from the API, or: resonanz query ACCOUNT"
    text = "export:\n  interactions: [28d]\n  over_performance: [24h]\n"
    assert complaints(text, tmp_path) == [f"1: export: {told}{instead}"]


def test_a_target_list_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    text = "clients:\n  bakery:\n    name: B\n    target_list: nobody.txt\n"
    [sentence] = complaints(text, tmp_path)
    assert sentence.startswith(f"4: clients.bakery.target_list: {tmp_path}/nobody.txt cannot be read: ")
    assert sentence.endswith("write one person a line into it")


def test_topics_and_venues_are_words(tmp_path: Path) -> None:
    text = "clients:\n  bakery:\n    name: B\n    topics: {' rye': []}\n    venues: ['']\n"
    rule = "is no word; write 1 to 512 characters without blanks around them"
    assert complaints(text, tmp_path) == [
        f"4: clients.bakery.topics. rye: ' rye' {rule}",
        f"5: clients.bakery.venues.0: '' {rule}",
    ]


def test_a_client_has_250_topics_at_most(tmp_path: Path) -> None:
    """Each has a share of its own in ``venue_share``, and an account's figures are one record."""
    topics = ", ".join(f"t{n}: []" for n in range(251))
    assert complaints(f"clients:\n  bakery:\n    name: B\n    topics: {{{topics}}}\n", tmp_path) == [
        "4: clients.bakery.topics: has 251 of them; write at most 250: each has figures of its own"
    ]
    named = f"clients:\n  bakery:\n    name: B\n    topics: {{{'t' * 129}: []}}\n"
    assert complaints(named, tmp_path) == [
        f"4: clients.bakery.topics: {'t' * 20}… is too long; write at most 128 characters"
    ]


VOICE = """\
clients:
  bakery:
    name: B
    topics: {winter: [], sommer: [], herbst: []}
    voice:
      version: 2026-1
      brand: winter
      brands: [winter, sommer, herbst]
"""


def test_a_brand_set(tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text(VOICE)
    voice = load_settings(path, {}).clients["bakery"].voice
    assert voice is not None
    assert (voice.version, voice.brand, voice.brands) == ("2026-1", "winter", ["winter", "sommer", "herbst"])


@pytest.mark.parametrize(
    ("right", "wrong", "sentences"),
    [
        (
            "brands: [winter, sommer, herbst]",
            "brands:\n      - winter\n      - somer\n      - fruehling",
            [
                (
                    "10: clients.bakery.voice.brands.1: 'somer' is no topic of this client; "
                    "did you mean 'sommer'?"
                ),
                (
                    "11: clients.bakery.voice.brands.2: 'fruehling' is no topic of this client; "
                    "write it under topics, too"
                ),
            ],
        ),
        (
            "[winter, sommer, herbst]",
            "[winter, sommer, winter]",
            ["8: clients.bakery.voice.brands.2: 'winter' stands there already; leave one of them"],
        ),
        (
            "[winter, sommer, herbst]",
            "[sommer, herbst]",
            ["7: clients.bakery.voice.brand: 'winter' is not one of brands; write it there, too"],
        ),
        (
            "[winter, sommer, herbst]",
            "[winter]",
            [
                "8: clients.bakery.voice.brands: has 1 of them; write 2 to 20, the client's own among them",
            ],
        ),
        (
            "brand: winter",
            "brand:",
            ["7: clients.bakery.voice.brand: is empty; write a value, or leave the line out"],
        ),
        (
            "version: 2026-1",
            "version: 2026",
            ["6: clients.bakery.voice.version: must be text; put it in quotes"],
        ),
        ("      version: 2026-1\n", "", ["5: clients.bakery.voice.version: is missing; write it"]),
        (
            "[winter, sommer, herbst]",
            "[winter, 5]",
            ["8: clients.bakery.voice.brands.1: must be text; put it in quotes"],
        ),
        (
            "[winter, sommer, herbst]",
            "winter",
            ["8: clients.bakery.voice.brands: must be a list; write it as [one, two]"],
        ),
        (
            "    topics: {winter: [], sommer: [], herbst: []}\n",
            "",
            [
                f"7: clients.bakery.voice.brands.{number}: {brand!r} is no topic of this client; "
                "write it under topics, too"
                for number, brand in enumerate(("winter", "sommer", "herbst"))
            ],
        ),
    ],
)
def test_mistakes_of_a_brand_set(right: str, wrong: str, sentences: list[str], tmp_path: Path) -> None:
    assert complaints(VOICE.replace(right, wrong), tmp_path) == sentences


def test_more_brands_than_have_parts_are_refused(tmp_path: Path) -> None:
    names = [f"b{number}" for number in range(21)]
    text = VOICE.replace("{winter: [], sommer: [], herbst: []}", str({name: [] for name in names}))
    found = complaints(
        text.replace("[winter, sommer, herbst]", str(names)).replace("brand: winter", "brand: b0"), tmp_path
    )
    assert found == [
        "8: clients.bakery.voice.brands: has 21 of them; write 2 to 20, the client's own among them"
    ]


# -- weights, bursts and exclusions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("weights: {like: -1}", "weights.like: must be at least 0; write a greater number"),
        (
            "weights: {share: .inf}",
            "weights.share: must be a number; write it without quotes, such as 0.5",
        ),
        ("weights: {share: .nan}", "weights.share: must be a number; write it without quotes, such as 0.5"),
        ("weights: {share: 1e7}", "weights.share: must be at most 1000000; write a smaller number"),
        ("weights: {share: many}", "weights.share: must be a number; write it without quotes, such as 0.5"),
        ("weights: {share: true}", "weights.share: must be a number; write it without quotes, such as 0.5"),
        ("weights: {shares: 3}", "weights.shares: is not known; did you mean 'share'?"),
        ("weights: [1, 2, 3]", "weights: must hold names and values; write it as name: value"),
        ("burst: {more_than: 0}", "burst.more_than: must be at least 1; write a greater number"),
        (
            "burst: {within: a while}",
            'burst.within: write a number and a unit of s, m, h or d, such as "4h"',
        ),
    ],
)
def test_mistakes_of_weights_and_bursts(line: str, sentence: str, tmp_path: Path) -> None:
    assert of_client(line, tmp_path) == ["4: " + sentence]


def of_exclusion(told: str, folder: Path) -> list[str]:
    """What is said about an exclusion of a client with two accounts, where another client has a third."""
    text = (
        "clients:\n  cafe:\n    name: Café\n    timezone: Europe/Berlin\n    accounts: ['file:a', 'file:b']\n"
        f"    exclusions:\n      - {told}\n  bakery: {{name: Bakery, accounts: ['file:c']}}\n"
    )
    return [sentence.replace("clients.cafe.exclusions.0", "0") for sentence in complaints(text, folder)]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("{account: 'file:a'}", "0.reason: is missing; write it"),
        ("{account: 'file:a', reason: }", "0.reason: is empty; write a value, or leave the line out"),
        ("{account: 'file:a', reason: ''}", "0.reason: is empty; write something"),
        (
            "{account: 'file:a', reason: '  '}",
            "0.reason: must be a line of text; write why, in words and without line breaks",
        ),
        (
            '{account: "file:a", reason: "two\\nlines"}',
            "0.reason: must be a line of text; write why, in words and without line breaks",
        ),
        (
            f"{{account: 'file:a', reason: {'x' * 501}}}",
            "0.reason: must be at most 500 characters long; shorten it",
        ),
        ("{reason: spam}", "0.account: is missing; write it"),
        (
            "{account: winter, reason: spam}",
            "0.account: 'winter' is no account of this client; write one of accounts",
        ),
        (
            "{account: 'file:aa', reason: spam}",
            "0.account: 'file:aa' is no account of this client; did you mean 'file:a'?",
        ),
        (
            "{account: 'file:c', reason: spam}",
            "0.account: 'file:c' is an account of 'bakery'; write the exclusion there",
        ),
        (
            "{account: 'file:a', reason: spam, from: 2026-05-02, to: 2026-05-01}",
            "0.to: is not after from; swap them, or write a later time",
        ),
        (
            "{account: 'file:a', reason: spam, from: 2026-05-01, to: 2026-05-01}",
            "0.to: is not after from; swap them, or write a later time",
        ),
        (
            "{account: 'file:a', reason: spam, from: '2026-05-01T12:00', to: '2026-05-01T10:00Z'}",
            "0.to: is not after from; swap them, or write a later time",
        ),
        (
            "{account: 'file:a', reason: spam, from: yesterday}",
            (
                "0.from: 'yesterday' is no time; write 2026-05-01T18:00, of the client's zone, "
                "or 2026-05-01T18:00+02:00"
            ),
        ),
        ("{account: 'file:a', reason: spam, to: 5}", "0.to: must be text; put it in quotes"),
        (
            "{account: 'file:a', reason: spam, actors: []}",
            "0.actors: is empty; name some, or leave the line out",
        ),
        (
            "{account: 'file:a', reason: spam, actors: bob}",
            "0.actors: must be a list; write it as [one, two]",
        ),
        ("{account: 'file:a', reason: spam, flags: ['']}", None),
        ("{account: 'file:a', reason: spam, until: x}", None),
        ("all", "0: must hold names and values; write it as name: value"),
    ],
)
def test_mistakes_of_an_exclusion(told: str, sentence: str | None, tmp_path: Path) -> None:
    found = of_exclusion(told, tmp_path)
    assert len(found) == 1
    assert found[0].startswith("7: ")
    if sentence is not None:
        assert found == ["7: " + sentence]


def test_an_exclusion_that_is_right(tmp_path: Path) -> None:
    text = """\
clients:
  cafe:
    name: Café
    accounts: ["file:a"]
    exclusions:
      - account: "file:a"
        from: 2026-05-01T18:00
        to: 2026-05-02T06:00+02:00
        actors: [x99, x98]
        flags: [raffle]
        reason: 50 vouchers for a like
        by: Cem
"""
    (found,) = loaded(text, tmp_path).clients["cafe"].exclusions
    assert (found.account, found.start, found.end) == (
        "file:a",
        "2026-05-01T18:00",
        "2026-05-02T06:00+02:00",
    )
    assert (found.actors, found.flags) == (["x99", "x98"], ["raffle"])
    assert (found.reason, found.by) == ("50 vouchers for a like", "Cem")


def test_exclusions_need_a_kpi_that_looks_at_what_they_are_about(tmp_path: Path) -> None:
    client = (
        "clients: {cafe: {name: Café, accounts: ['file:a'], exclusions: [{account: 'file:a', reason: x}]}}"
    )
    assert complaints(f"kpis: [velocity]\n{client}\n", tmp_path) == [
        (
            "2: clients.cafe.exclusions: need KPIs that look at single interactions; "
            "add suspicion_share to kpis"
        )
    ]
    assert loaded(f"kpis: [velocity, suspicion_share]\n{client}\n", tmp_path).clients["cafe"].exclusions
