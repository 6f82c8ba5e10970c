"""Who is measured: clients, accounts, potentials and pseudonyms."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from resonanz_streams.business_time import BusinessHours
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.exclusions import ALWAYS, Exclusion
from resonanz_streams.identity import hashes
from resonanz_streams.net.suspects import Burst
from resonanz_streams.registry import Account, Registry, build_registry
from resonanz_streams.settings import settings_of

KEY = "0123456789abcdef0123456789abcdef"


def registry(clients: dict[str, Any], *, key: str = KEY, partitions: int = 4) -> Registry:
    settings = settings_of(
        {"pseudonym_key": "${KEY}", "partitions": partitions, "clients": clients}, environment={"KEY": key}
    )
    return build_registry(settings)


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


TWO = {
    "bakery": {
        "name": "Bakery", "own_actors": ["baker"],
        "accounts": [
            {"id": "bluesky:did:plc:abc", "handle": "w.example", "connector": "jet"}, "file:a", "file:d"
        ],
    },
    "cafe": {"name": "Café", "own_actors": ["baker"], "accounts": ["file:b"]},
}  # fmt: skip


def test_an_account_has_its_client_platform_connector_and_partition() -> None:
    found = registry(TWO).accounts
    assert found["bluesky:did:plc:abc"] == Account(
        "bluesky:did:plc:abc", "bluesky", "bakery", "w.example", "jet", 0
    )
    assert found["file:b"] == Account("file:b", "file", "cafe", None, "file", 3)


def test_each_partition_has_its_accounts_in_the_configuration_s_order() -> None:
    found = [[account.id for account in registry(TWO).accounts_of(number)] for number in range(4)]
    assert found == [["bluesky:did:plc:abc", "file:a", "file:d"], [], [], ["file:b"]]


def test_gathered_accounts_stand_in_one_partition_and_nothing_else_changes() -> None:
    whole = registry(TWO)
    some = whole.gathered({"file:b", "bluesky:did:plc:abc", "file:nobody"})
    assert [account.id for account in some.accounts_of(0)] == ["bluesky:did:plc:abc", "file:b"]
    assert (some.partitions, some.accounts["file:b"].partition) == (1, 0)
    assert (whole.partitions, whole.accounts["file:b"].partition) == (4, 3)
    assert some.pseudonym("cafe", "x") == whole.pseudonym("cafe", "x")


# -- potentials ----------------------------------------------------------------------------------------


def potential(value: Any, *, timezone: str = "UTC") -> Registry:
    return registry({"cafe": {"name": "Café", "potential": value, "timezone": timezone}})


def test_one_number_holds_always() -> None:
    assert potential(1200).potential_at("cafe", 0) == 1200
    assert potential(1200).potential_at("cafe", ms(2050, 1, 1)) == 1200


def test_without_a_potential_nothing_is_known() -> None:
    assert potential(None).potential_at("cafe", ms(2026, 1, 1)) is None
    assert potential([]).potential_at("cafe", ms(2026, 1, 1)) is None


def test_a_step_holds_from_midnight_in_the_client_s_zone() -> None:
    """
    ::

        UTC      31 Dec 23:00            30 Jun 22:00
        Berlin   1 Jan 00:00             1 Jul 00:00 (summer)
                 | 1200                  | 1500
    """
    steps = [{"from": "2026-07-01", "people": 1500}, {"from": "2026-01-01", "people": 1200}]
    berlin = potential(steps, timezone="Europe/Berlin")
    assert berlin.potential_at("cafe", ms(2025, 12, 31, 23) - 1) is None
    assert berlin.potential_at("cafe", ms(2025, 12, 31, 23)) == 1200
    assert berlin.potential_at("cafe", ms(2026, 6, 30, 22) - 1) == 1200
    assert berlin.potential_at("cafe", ms(2026, 6, 30, 22)) == 1500


# -- pseudonyms ----------------------------------------------------------------------------------------


def test_business_hours_come_with_the_client_s_zone_and_holidays() -> None:
    saturdays = {"timezone": "Europe/Berlin", "business_hours": "Sa 09:00-13:00", "holidays": "DE-BE"}
    clients = {"a": {"name": "A", **saturdays}, "b": {"name": "B"}}
    registry = Registry(settings_of({"clients": clients}), b"0123456789abcdef")
    week = ((), (), (), (), (), ((540, 780),), ())
    assert registry.clients["a"].hours == BusinessHours(week, "Europe/Berlin", "DE-BE")
    assert registry.clients["b"].hours is None


def test_a_pseudonym_stays_the_same_for_ever() -> None:
    """The ledger holds keys made of it: HMAC-SHA256 by the client's key, which is one of ``client:ID``."""
    assert registry(TWO).pseudonym("bakery", "baker") == "d44fd2c65f1ddd0729ed9914175ff8da"


def test_the_same_person_is_another_at_another_client_or_with_another_key() -> None:
    one, other = registry(TWO), registry(TWO, key=KEY[::-1])
    found = {
        one.pseudonym("bakery", "baker"), one.pseudonym("cafe", "baker"), other.pseudonym("bakery", "baker"),
        one.pseudonym("bakery", "Baker"),
    }  # fmt: skip
    assert len(found) == 4
    assert all(len(name) == 32 for name in found)


def test_own_actors_are_pseudonymised_on_load() -> None:
    found = registry(TWO)
    assert found.clients["bakery"].own_actors == {found.pseudonym("bakery", "baker")}
    assert found.clients["cafe"].own_actors == {found.pseudonym("cafe", "baker")}


# -- weights, bursts and exclusions ---------------------------------------------------------------------


def test_what_holds_without_a_word_of_weights_and_bursts() -> None:
    cafe = registry(TWO).clients["cafe"]
    assert (cafe.weights, cafe.burst, cafe.exclusions) == ((1, 2, 3), Burst(20, 60_000), ())


def test_weights_and_bursts_as_configured() -> None:
    said = {"weights": {"share": 0.5}, "burst": {"more_than": 5, "within": "2m"}}
    cafe = registry({"cafe": {"name": "Café", **said}}).clients["cafe"]
    assert (cafe.weights, cafe.burst) == ((1, 2, 0.5), Burst(5, 120_000))


def excluded(timezone: str = "UTC", **told: Any) -> Exclusion:
    exclusions = [{"account": "file:b", "reason": "a raffle", **told}]
    cafe = {"name": "Café", "timezone": timezone, "accounts": ["file:b"], "exclusions": exclusions}
    (found,) = registry({"cafe": cafe}).clients["cafe"].exclusions
    return found


def test_an_exclusion_s_times_are_of_the_client_s_zone_unless_they_have_an_offset() -> None:
    """Summer in Berlin is 2 h ahead, in both of the ways in which it is written."""
    found = excluded("Europe/Berlin", **{"from": "2026-07-01T20:00", "to": "2026-07-02T12:30:00Z"})
    assert (found.from_ms, found.to_ms) == (ms(2026, 7, 1, 18), ms(2026, 7, 2, 12, 30))
    assert excluded("Europe/Berlin", to="2026-07-02").to_ms == ms(2026, 7, 1, 22)


def test_an_exclusion_without_pattern_or_times_is_of_all() -> None:
    assert excluded() == Exclusion("file:b", *ALWAYS, frozenset(), frozenset(), "a raffle", None)


def test_an_exclusion_s_actors_are_pseudonyms_and_match_as_events_have_them() -> None:
    found = excluded(actors=["ann", "bob"], flags=["raffle"], by="Cem")
    names = {registry(TWO).pseudonym("cafe", name) for name in ("ann", "bob")}
    assert (set(found.actors), set(found.flags), found.by) == (names, {"raffle"}, "Cem")
    pattern = found.pattern()
    assert pattern.actors is not None
    assert set(pattern.actors.tolist()) == set(hashes(names).tolist())


# -- the key -------------------------------------------------------------------------------------------


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        registry({}, key="short")
    assert str(caught.value) == (
        "pseudonym_key: is shorter than 16 characters; make one with: openssl rand -hex 32"
    )


def test_on_kafka_every_process_must_be_given_the_same_key() -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_registry(settings_of({"broker": "kafka://host:9092"}))
    assert str(caught.value) == (
        "pseudonym_key: is missing; all processes need the same: write "
        "pseudonym_key: ${RESONANZ_PSEUDONYM_KEY} and set it with: openssl rand -hex 32"
    )


def beside(database: Path) -> Registry:
    return build_registry(settings_of({"broker": f"sqlite:///{database}", "clients": {"a": {"name": "A"}}}))


def test_the_embedded_broker_keeps_a_key_beside_the_database_for_its_owner_only(tmp_path: Path) -> None:
    first = beside(tmp_path / "new" / "r.db").pseudonym("a", "x")
    kept = tmp_path / "new" / "r.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text()) == 64
    assert beside(tmp_path / "new" / "r.db").pseudonym("a", "x") == first
    assert beside(tmp_path / "other.db").pseudonym("a", "x") != first
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["r.key"]


def test_signs_that_mean_something_in_addresses_mean_nothing_in_a_database_s_name(tmp_path: Path) -> None:
    beside(tmp_path / "a#1" / "what?.db")
    assert [path.name for path in (tmp_path / "a#1").iterdir()] == ["what?.key"]


def test_several_processes_that_start_at_once_agree_on_a_key(tmp_path: Path) -> None:
    code = (
        "import sys; from resonanz_streams.registry import build_registry; "
        "from resonanz_streams.settings import settings_of; "
        "sys.stdin.read(); "
        "print(build_registry(settings_of({'broker': 'sqlite:///' + sys.argv[1], "
        "'clients': {'a': {'name': 'A'}}})).pseudonym('a', 'x'))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "r.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    found = {process.communicate(b"", timeout=60)[0] for process in started}
    assert len(found) == 1
    assert len(found.pop().strip()) == 32


def test_a_key_that_is_empty_is_no_key(tmp_path: Path) -> None:
    """Everybody could undo the pseudonyms that it makes."""
    (tmp_path / "r.key").write_text("\n")
    with pytest.raises(ConfigurationError) as caught:
        beside(tmp_path / "r.db")
    assert str(caught.value) == (
        f"{tmp_path / 'r.key'}: is shorter than 16 characters; "
        "write back the key that was there, or delete it to begin with new pseudonyms"
    )


def test_what_a_killed_process_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    """In a container every start has the same process id."""
    (tmp_path / f"r.key.{os.getpid()}").write_text("half")
    assert beside(tmp_path / "r.db").pseudonym("a", "x")


def test_where_no_key_can_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        beside(tmp_path / "file" / "deep" / "r.db")
    assert str(caught.value) == (
        f"{tmp_path / 'file' / 'deep' / 'r.key'}: the pseudonym key cannot be kept here: Not a directory; "
        "go to a folder where you may write, or set pseudonym_key in the configuration"
    )
