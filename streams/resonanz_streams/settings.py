"""What is configured: ``resonanz.yaml`` as typed settings, every mistake reported at once.

This module alone reads the environment (it is given to it as a mapping).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    StrictBool,
    ValidationError,
    model_validator,
)

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.settings_brands import brand_mistakes
from resonanz_streams.settings_exclusions import (
    BurstSettings,
    ExclusionSettings,
    exclusion_mistakes,
    listed_accounts,
)
from resonanz_streams.settings_fields import (
    STRICT,
    AccountId,
    Brands,
    ClientId,
    Duration,
    Group,
    Holidays,
    Horizon,
    Hours,
    KpiId,
    Options,
    People,
    PeopleFile,
    Prefix,
    Secret,
    Topics,
    Weight,
    WindowNames,
    Word,
    Zone,
    check_export,
    duration_ms,
)
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.yaml_lines import Lines, Place, findings, load_yaml

DEFAULT_PATH = Path("resonanz.yaml")


class _Model(BaseModel):
    model_config = STRICT


class PotentialFrom(_Model):
    """People a client could reach from midnight of ``from`` on, in the client's zone."""

    start: date = Field(alias="from")
    people: People


def _one_a_day(steps: list[PotentialFrom]) -> list[PotentialFrom]:
    days = [step.start for step in steps]
    if double := next((day for day in days if days.count(day) > 1), None):
        raise ValueError(f"has two entries from {double} on; leave one of them")
    return steps


class AccountSettings(_Model):
    """One account on one platform."""

    id: AccountId
    handle: str | None = None
    connector: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str) else value


class VoiceSettings(_Model):
    """A brand and the set, itself among them, that its share of voice is counted within; all are topics."""

    version: Word
    brand: Word
    brands: Brands


class WeightSettings(_Model):
    """What an interaction of each kind counts in weighted_interactions."""

    like: Weight = 1
    comment: Weight = 2
    share: Weight = 3


class ClientSettings(_Model):
    """One client of the agency."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    timezone: Zone = "UTC"
    business_hours: Hours | None = None
    holidays: Holidays | None = None
    response_sla: Duration = "4h"
    potential: People | Annotated[list[PotentialFrom], AfterValidator(_one_a_day)] | None = None
    own_actors: list[str] = []
    target_list: PeopleFile = ()
    topics: Topics = {}
    venues: list[Word] = []
    voice: VoiceSettings | None = None
    accounts: list[AccountSettings] = []
    weights: WeightSettings = WeightSettings()
    burst: BurstSettings = BurstSettings()
    exclusions: list[ExclusionSettings] = []
    token: Secret = None
    benchmarks: StrictBool = False


class WallSettings(_Model):
    """Who may look beyond loopback."""

    agency_token: Secret = None


class Settings(_Model):
    """Everything configured. Build it with :func:`load_settings` or :func:`settings_of`."""

    broker: str = "sqlite:///resonanz.db"
    topic_prefix: Prefix = ""
    clock: Literal["wall", "event"] = "wall"
    group: Group = "resonanz"
    partitions: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 4
    tick_seconds: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0.05, le=60)] = 1.0
    horizon: Horizon = "29d"
    ledger_max_mb: Annotated[int, Field(strict=True, ge=16, le=2**20)] = 2048
    pseudonym_key: Secret = None
    wall: WallSettings = WallSettings()
    clients: dict[ClientId, ClientSettings] = {}
    connectors: dict[str, Options] = {}
    kpis: Literal["all"] | list[KpiId] = "all"
    export: Annotated[dict[KpiId, WindowNames], AfterValidator(check_export)] = {}

    _path: Path | None = PrivateAttr(default=None)

    @property
    def horizon_ms(self) -> int:
        """How far behind the watermark an operation still counts."""
        return duration_ms(self.horizon)

    @property
    def path(self) -> Path | None:
        """The file that this was read from."""
        return self._path


def settings_of(
    data: Mapping[str, Any], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a mapping as YAML would give it.

    Raises:
        ConfigurationError: one line for each mistake.
    """
    return _validate(dict(data), Lines("configuration"), folder or Path(), environment or {})


def load_settings(
    path: Path | None, environment: Mapping[str, str] | None, *, read: Callable[[Path], None] | None = None
) -> Settings:
    """Read ``path`` (default ``resonanz.yaml``). ``environment`` None: of who needs no secret; none is read.
    ``read``: told of each other file that it names, before that is read.

    Raises:
        ConfigurationError: the file cannot be read, or one line for each mistake in it:
            file, line, place, what to write instead.
    """
    path = path or DEFAULT_PATH
    data, lines = load_yaml(path)
    settings = _validate(data, lines, path.resolve().parent, environment, read)
    settings._path = path  # noqa: SLF001  # pydantic's own way to keep what is no field
    return settings


def _validate(
    data: dict[str, Any],
    lines: Lines,
    folder: Path,
    environment: Mapping[str, str] | None,
    read: Callable[[Path], None] | None = None,
) -> Settings:
    resolved = dict(data)
    found: dict[Place, str] = dict(
        [*_doubles(data), *brand_mistakes(data.get("clients")), *exclusion_mistakes(data)]
    )
    if isinstance(broker := resolved.get("broker", "sqlite:///resonanz.db"), str):
        try:
            resolved["broker"] = _resolve_broker(broker, folder)
        except ValueError as error:
            found["broker",] = str(error)
            resolved.pop("broker", None)
    context = {"environment": environment, "folder": folder, "read": read or (lambda _path: None)}
    try:
        settings = Settings.model_validate(resolved, context=context)
    except ValidationError as error:
        found = findings(error, data, Settings) | found
    if found:
        raise ConfigurationError("\n".join(lines.sentences(found.items())))
    return settings


def _doubles(data: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Accounts that stand twice, found in the raw data so that other mistakes do not hide them."""
    owners: dict[str, str] = {}
    for name, place, identity in listed_accounts(data):
        if identity in owners:
            yield (
                ("clients", name, "accounts", place),
                f"{identity!r} stands under {owners[identity]!r} already; an account has one client",
            )
        owners.setdefault(identity, name)


def _resolve_broker(url: str, folder: Path) -> str:
    """Relative paths mean: beside the configuration file."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or rest == "/":
            raise ValueError('write "sqlite:///resonanz.db", or "sqlite:////absolute/path.db"')
        return f"sqlite:///{os.path.abspath(folder / rest[1:])}"  # noqa: PTH100  # no symlink resolution
    if scheme == "kafka" and rest:
        try:
            return parse(url).beside(folder).url
        except ConfigurationError as error:
            raise ValueError(str(error).removeprefix("broker: ")) from None
    raise ValueError(
        'must begin with sqlite:/// or kafka://; write "sqlite:///resonanz.db" or "kafka://host:9092"'
    )
