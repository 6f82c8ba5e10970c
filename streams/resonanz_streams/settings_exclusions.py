"""What a client says of authenticity: what is a burst, and what is left out by hand, why and by whom."""

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from resonanz_streams.kpis import KPIS
from resonanz_streams.settings_fields import STRICT, AccountId, Duration, Word, zone_of
from resonanz_streams.yaml_lines import Place

_DEEP = frozenset(kpi.id for kpi in KPIS if kpi.deep)


def _time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 2026-05-01T18:00, of the client's zone, or 2026-05-01T18:00+02:00"
        ) from None
    return text


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a line of text; write why, in words and without line breaks")
    return text.strip()


def instant_ms(text: str, zone: ZoneInfo) -> int:
    """Epoch milliseconds of a time that was found right; without an offset it is of this zone."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)


Time = Annotated[str, AfterValidator(_time)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_line)]


class BurstSettings(BaseModel):
    """More interactions than so many of one person on one account, in less than this time, are a burst."""

    model_config = STRICT

    more_than: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 20
    within: Duration = "60s"


class ExclusionSettings(BaseModel):
    """Interactions on an account that are left out of the authentic figures: from ``from`` on, before ``to``,
    by these actors and with one of these flags; of what is not said, all."""

    model_config = STRICT

    account: AccountId
    start: Time | None = Field(default=None, alias="from")
    end: Time | None = Field(default=None, alias="to")
    actors: Annotated[list[Word], Field(min_length=1)] | None = None
    flags: Annotated[list[Word], Field(min_length=1)] | None = None
    reason: Line
    by: Line | None = None


def listed_accounts(data: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Client, place and id of each account that the raw configuration names."""
    clients = data.get("clients")
    for name, client in clients.items() if isinstance(clients, Mapping) else ():
        accounts = client.get("accounts") if isinstance(client, Mapping) else None
        for place, account in enumerate(accounts if isinstance(accounts, list) else ()):
            identity = account.get("id") if isinstance(account, Mapping) else account
            if isinstance(identity, str):
                yield str(name), place, identity


def exclusion_mistakes(data: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """What is wrong with exclusions beside others' settings, found in the raw data so that other mistakes do
    not hide it."""
    owners = {identity: name for name, _, identity in listed_accounts(data)}
    kpis, clients = data.get("kpis"), data.get("clients")
    for name, client in clients.items() if isinstance(clients, Mapping) else ():
        exclusions = client.get("exclusions") if isinstance(client, Mapping) else None
        if not isinstance(exclusions, list):
            continue
        here: Place = ("clients", name, "exclusions")
        if exclusions and isinstance(kpis, list) and _DEEP.isdisjoint(map(str, kpis)):
            yield here, "need KPIs that look at single interactions; add suspicion_share to kpis"
        zone = zone_of(client.get("timezone"))
        for place, exclusion in enumerate(exclusions):
            if isinstance(exclusion, Mapping):
                yield from _of_one(exclusion, (*here, place), str(name), owners, zone)


def _of_one(
    exclusion: Mapping[str, Any], here: Place, client: str, owners: Mapping[str, str], zone: ZoneInfo
) -> Iterator[tuple[Place, str]]:
    account = exclusion.get("account")
    if isinstance(account, str) and owners.get(account) != client:
        yield (*here, "account"), _whose(account, client, owners)
    start, end = (_known_ms(exclusion.get(name), zone) for name in ("from", "to"))
    if start is not None and end is not None and start >= end:
        yield (*here, "to"), "is not after from; swap them, or write a later time"


def _whose(account: str, client: str, owners: Mapping[str, str]) -> str:
    if account in owners:
        return f"{account!r} is an account of {owners[account]!r}; write the exclusion there"
    own = [identity for identity, owner in owners.items() if owner == client]
    near = difflib.get_close_matches(account, own, 1)
    hint = f"did you mean {near[0]!r}?" if near else "write one of accounts"
    return f"{account!r} is no account of this client; {hint}"


def _known_ms(text: Any, zone: ZoneInfo) -> int | None:
    try:
        return instant_ms(text, zone)
    except (TypeError, ValueError):
        return None
