"""Who is measured: clients, their accounts and potentials, and the pseudonyms of people."""

import contextlib
import copy
import hashlib
import hmac
import os
import secrets
import tempfile
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from resonanz_streams.business_time import BusinessHours, parse_week
from resonanz_streams.details import Vocabulary
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import SIGNALS
from resonanz_streams.exclusions import ALWAYS, Exclusion
from resonanz_streams.kpis.base import Voice
from resonanz_streams.net.suspects import Burst
from resonanz_streams.settings import ClientSettings, Settings
from resonanz_streams.settings_exclusions import ExclusionSettings, instant_ms
from resonanz_streams.settings_fields import duration_ms
from resonanz_streams.topics import partition_of

_SHORTEST_KEY: Final = 16


@dataclass(frozen=True, slots=True)
class Account:
    """One account; ``partition`` is where its records live."""

    id: str
    platform: str
    client: str
    handle: str | None
    connector: str
    partition: int


@dataclass(frozen=True, slots=True)
class Client:
    """``potential``: (valid from, epoch ms; people), sorted. ``own_actors``: pseudonyms. ``vocabulary``: the
    topics, watched venues and flags that count. ``targets``: pseudonyms of the target list. ``voice``: its
    brand set, ``hours``: when somebody is there to answer; None without. ``weights``: of a like, a comment
    and a share."""

    id: str
    name: str
    timezone: str
    potential: tuple[tuple[int, int], ...]
    own_actors: frozenset[str]
    vocabulary: Vocabulary
    targets: frozenset[str]
    sla_ms: int
    voice: Voice | None
    benchmarks: bool
    hours: BusinessHours | None
    weights: tuple[float, float, float]
    burst: Burst
    exclusions: tuple[Exclusion, ...]


class Registry:
    """The only source of an account's client. Immutable."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        self._key = key
        self._keys = {
            name: hmac.digest(key, b"client:" + name.encode(), "sha256") for name in settings.clients
        }
        self.partitions = settings.partitions
        self.clients: Mapping[str, Client] = {
            name: self._client(name, client) for name, client in settings.clients.items()
        }
        self.accounts: Mapping[str, Account] = {
            account.id: Account(
                id=account.id,
                platform=account.id.partition(":")[0],
                client=name,
                handle=account.handle,
                connector=account.connector or account.id.partition(":")[0],
                partition=partition_of(account.id, settings.partitions),
            )
            for name, client in settings.clients.items()
            for account in client.accounts
        }
        self._by_partition: dict[int, tuple[Account, ...]] = {
            number: tuple(account for account in self.accounts.values() if account.partition == number)
            for number in range(settings.partitions)
        }

    def by(self, settings: Settings) -> "Registry":
        """That of other settings; people keep their pseudonyms."""
        return Registry(settings, self._key)

    def gathered(self, accounts: Collection[str]) -> "Registry":
        """These of its accounts, all in one partition: for those who read no log."""
        chosen = copy.copy(self)
        chosen.partitions = 1
        chosen.accounts = {
            name: replace(account, partition=0) for name, account in self.accounts.items() if name in accounts
        }
        chosen._by_partition = {0: tuple(chosen.accounts.values())}  # noqa: SLF001  # its own copy
        return chosen

    def _client(self, name: str, client: ClientSettings) -> Client:
        return Client(
            id=name,
            name=client.name,
            timezone=client.timezone,
            potential=_potential(client),
            own_actors=frozenset(self.pseudonym(name, actor) for actor in client.own_actors),
            vocabulary=_vocabulary(client),
            targets=frozenset(self.pseudonym(name, actor) for actor in client.target_list),
            sla_ms=duration_ms(client.response_sla),
            voice=_voice(client),
            benchmarks=client.benchmarks,
            hours=_hours(client),
            weights=(client.weights.like, client.weights.comment, client.weights.share),
            burst=Burst(client.burst.more_than, duration_ms(client.burst.within)),
            exclusions=tuple(self._exclusion(name, client, one) for one in client.exclusions),
        )

    def _exclusion(self, name: str, client: ClientSettings, told: ExclusionSettings) -> Exclusion:
        zone, (first, last) = ZoneInfo(client.timezone), ALWAYS
        return Exclusion(
            account=told.account,
            from_ms=first if told.start is None else instant_ms(told.start, zone),
            to_ms=last if told.end is None else instant_ms(told.end, zone),
            actors=frozenset(self.pseudonym(name, actor) for actor in told.actors or ()),
            flags=frozenset(told.flags or ()),
            reason=told.reason,
            by=told.by,
        )

    def accounts_of(self, partition: int) -> tuple[Account, ...]:
        """The accounts of a partition, in the configuration's order."""
        return self._by_partition[partition]

    def exclusions_of(self, partition: int) -> Sequence[Exclusion]:
        """What is left out of the authentic figures of a partition's accounts."""
        names = {account.id for account in self.accounts_of(partition)}
        told = (one for client in self.clients.values() for one in client.exclusions)
        return [one for one in told if one.account in names]

    def potential_at(self, client: str, at_ms: int) -> int | None:
        """People the client could reach at ``at_ms``; None if unknown then."""
        steps = self.clients[client].potential
        place = bisect_right(steps, at_ms, key=lambda step: step[0])
        return steps[place - 1][1] if place else None

    def pseudonym(self, client: str, actor: str) -> str:
        """What stands for a person in every record: HMAC-SHA256, 128 bits in hex, with the client's key.

        The same person has different pseudonyms at different clients.
        """
        return hmac.digest(self._keys[client], actor.encode(), hashlib.sha256).hex()[:32]


def _vocabulary(client: ClientSettings) -> Vocabulary:
    excluded = (flag for one in client.exclusions for flag in one.flags or ())
    return Vocabulary(frozenset(client.topics), frozenset(client.venues), frozenset(SIGNALS).union(excluded))


def _voice(client: ClientSettings) -> Voice | None:
    voice = client.voice
    return None if voice is None else Voice(voice.version, voice.brand, tuple(voice.brands))


def _hours(client: ClientSettings) -> BusinessHours | None:
    if client.business_hours is None:
        return None
    return BusinessHours(parse_week(client.business_hours), client.timezone, client.holidays)


def _potential(client: ClientSettings) -> tuple[tuple[int, int], ...]:
    if client.potential is None:
        return ()
    if isinstance(client.potential, int):
        return ((0, client.potential),)
    zone = ZoneInfo(client.timezone)
    return tuple(
        sorted(
            (int(datetime.combine(step.start, time(), zone).timestamp() * 1000), step.people)
            for step in client.potential
        )
    )


def build_registry(settings: Settings) -> Registry:
    """The registry of these settings.

    Without ``pseudonym_key`` the embedded broker keeps a key of its own in a file beside the database.

    Raises:
        ConfigurationError: there is no key and nowhere to keep one.
    """
    if settings.pseudonym_key is not None:
        key = settings.pseudonym_key.get_secret_value().encode()
        if len(key) < _SHORTEST_KEY:
            raise ConfigurationError(
                f"pseudonym_key: is shorter than {_SHORTEST_KEY} characters; "
                "make one with: openssl rand -hex 32"
            )
        return Registry(settings, key)
    scheme, _, path = settings.broker.partition(":///")
    if scheme != "sqlite":
        raise ConfigurationError(
            "pseudonym_key: is missing; all processes need the same: write "
            "pseudonym_key: ${RESONANZ_PSEUDONYM_KEY} and set it with: openssl rand -hex 32"
        )
    return Registry(settings, _kept_key(Path(path).with_suffix(".key")))


def _kept_key(path: Path) -> bytes:
    """The key in ``path``, made on first use, for the owner only; safe when several processes start."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            Path(draft).unlink()
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the pseudonym key cannot be kept here: {error.strerror}; "
            "go to a folder where you may write, or set pseudonym_key in the configuration"
        ) from None
    if len(key) < _SHORTEST_KEY:
        raise ConfigurationError(
            f"{path}: is shorter than {_SHORTEST_KEY} characters; "
            "write back the key that was there, or delete it to begin with new pseudonyms"
        )
    return key
