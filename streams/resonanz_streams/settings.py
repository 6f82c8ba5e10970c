"""What is configured: ``resonanz.yaml`` as typed settings, every mistake reported at once.

This module alone reads the environment (it is given to it as a mapping).
"""

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.yaml_lines import Lines, load_yaml, sentences

DEFAULT_PATH = Path("resonanz.yaml")
_CLIENT_ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
_ACCOUNT_ID = re.compile(r"^[a-z][a-z0-9_-]*:\S.{0,500}$")
_HOURS = re.compile(
    r"^(Mo|Tu|We|Th|Fr|Sa|Su)(-(Mo|Tu|We|Th|Fr|Sa|Su))? ([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$"
)
_DURATION = re.compile(r"^\d+[smhd]$")
_REFERENCE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}; write one of the tz database, such as Europe/Berlin"
        ) from None
    return name


def _hours(text: str) -> str:
    if not all(_HOURS.match(part.strip()) for part in text.split(",")):
        raise ValueError('write days and times such as "Mo-Fr 08:00-18:00", several separated by commas')
    return text


def _duration(text: str) -> str:
    if not _DURATION.match(text):
        raise ValueError('write a number and a unit of s, m, h or d, such as "4h"')
    return text


def _account_id(text: str) -> str:
    if not _ACCOUNT_ID.match(text):
        raise ValueError(f'{text!r} is no account; write "platform:native-id", such as "bluesky:did:plc:abc"')
    return text


def _secret(value: Any, info: ValidationInfo) -> Any:
    """Secrets come from the environment or from a file, never from the text of the configuration."""
    if value is None or isinstance(value, SecretStr):
        return value
    context = info.context or {}
    environment, folder = context["environment"], context["folder"]
    if isinstance(value, str) and (match := _REFERENCE.match(value)):
        found = environment.get(match[1])
        if not found:
            raise ValueError(f"the environment has no {match[1]}; set it, or write file:/path/of/the/secret")
        return found
    if isinstance(value, str) and value.startswith("file:"):
        path = folder / value.removeprefix("file:")
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} cannot be read ({type(error).__name__})") from None
        if not text:
            raise ValueError(f"{path} is empty")
        return text
    raise ValueError("a secret must not stand here; write ${NAME} for the environment or file:/path")


def _windows(names: list[str]) -> list[str]:
    if unknown := [name for name in names if name not in WINDOWS]:
        raise ValueError(f"{unknown[0]!r} is no window; write one of {', '.join(WINDOWS)}")
    return names


Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
People = Annotated[int, Field(gt=0, le=10_000_000_000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)


class PotentialFrom(_Model):
    """People a client could reach from midnight of ``from`` on, in the client's zone."""

    start: date = Field(alias="from")
    people: People


class AccountSettings(_Model):
    """One account on one platform."""

    id: Annotated[str, AfterValidator(_account_id)]
    handle: str | None = None
    connector: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str) else value


class ClientSettings(_Model):
    """One client of the agency."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    business_hours: Annotated[str, AfterValidator(_hours)] | None = None
    response_sla: Annotated[str, AfterValidator(_duration)] = "4h"
    potential: People | list[PotentialFrom] | None = None
    own_actors: list[str] = []
    target_list: str | None = None
    topics: dict[str, list[str]] = {}
    accounts: list[AccountSettings] = []
    token: Secret = None


class WallSettings(_Model):
    """Who may look beyond loopback."""

    agency_token: Secret = None


class Settings(_Model):
    """Everything configured. Build it with :func:`load_settings` or :func:`settings_of`."""

    broker: str = "sqlite:///resonanz.db"
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    clock: Literal["wall", "event"] = "wall"
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "resonanz"
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 4
    tick_seconds: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    horizon_days: Annotated[int, Field(ge=1, le=400)] = 29
    ledger_max_mb: Annotated[int, Field(ge=16)] = 2048
    pseudonym_key: Secret = None
    wall: WallSettings = WallSettings()
    clients: dict[Annotated[str, Field(pattern=_CLIENT_ID)], ClientSettings] = {}
    connectors: dict[str, dict[str, Any]] = {}
    export: dict[str, Annotated[list[str], AfterValidator(_windows)]] = {}

    _path: Path | None = PrivateAttr(default=None)

    @property
    def path(self) -> Path | None:
        """The file that this was read from."""
        return self._path

    @model_validator(mode="after")
    def _one_client_an_account(self) -> "Settings":
        owners: dict[str, str] = {}
        for name, client in self.clients.items():
            for account in client.accounts:
                if account.id in owners:
                    raise ValueError(
                        f"account {account.id!r} stands under {owners[account.id]!r} and {name!r}; "
                        "an account has one client"
                    )
                owners[account.id] = name
        return self


def settings_of(
    data: Mapping[str, Any], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a mapping as YAML would give it.

    Raises:
        ConfigurationError: one line for each mistake.
    """
    return _validate(dict(data), Lines("configuration"), folder or Path(), environment or {})


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read ``path`` (default ``resonanz.yaml``).

    Raises:
        ConfigurationError: the file cannot be read, or one line for each mistake in it:
            file, line, place, what to write instead.
    """
    path = path or DEFAULT_PATH
    data, lines = load_yaml(path)
    settings = _validate(data, lines, path.resolve().parent, environment)
    settings._path = path  # noqa: SLF001  # pydantic's own way to keep what is no field
    return settings


def _validate(data: dict[str, Any], lines: Lines, folder: Path, environment: Mapping[str, str]) -> Settings:
    resolved = dict(data)
    problems: list[str] = []
    if isinstance(broker := resolved.get("broker", "sqlite:///resonanz.db"), str):
        try:
            resolved["broker"] = _resolve_broker(broker, folder)
        except ValueError as error:
            problems.append(lines.sentence(("broker",), str(error)))
            resolved.pop("broker", None)
    try:
        settings = Settings.model_validate(resolved, context={"environment": environment, "folder": folder})
    except ValidationError as error:
        problems.extend(sentences(error, lines, Settings))
        raise ConfigurationError("\n".join(problems)) from None
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _resolve_broker(url: str, folder: Path) -> str:
    """A relative SQLite path means: beside the configuration file."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or rest == "/":
            raise ValueError('write "sqlite:///resonanz.db", or "sqlite:////absolute/path.db"')
        return f"sqlite:///{os.path.abspath(folder / rest[1:])}"  # noqa: PTH100  # no symlink resolution
    if scheme == "kafka" and rest:
        return url
    raise ValueError(
        'must begin with sqlite:/// or kafka://; write "sqlite:///resonanz.db" or "kafka://host:9092"'
    )
