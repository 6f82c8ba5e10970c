"""The fields of the settings: each knows what is wrong with it and what to write instead."""

import difflib
import re
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from resonanz_streams.business_time import check_holidays, parse_week
from resonanz_streams.catalogue import kpis_by_id
from resonanz_streams.events import MAX_ID
from resonanz_streams.kpis.base import MOST_BRANDS, VOCABULARY_SIZE, WINDOWS

STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)
"""Of every part of the settings."""

LONGEST_TOPIC: Final = 128
"""Characters: the parts of all topics must fit into one record of an account's figures."""

_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LABEL = re.compile(r"[A-Za-z0-9._-]{0,100}")
_ACCOUNT_ID = re.compile(r"[a-z][a-z0-9_-]*:[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*\S)?")
_DURATION = re.compile(r"[1-9]\d{0,5}[smhd]")
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_HORIZON_MS = (10_000, 400 * 86_400_000)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ELSEWHERE = re.compile(rf"{_REFERENCE.pattern}\Z|file:")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}; write one of the tz database, such as Europe/Berlin"
        ) from None
    return name


def zone_of(name: Any) -> ZoneInfo:
    """The zone of this name, if there is one; else UTC, which holds where nobody says otherwise."""
    try:
        return ZoneInfo(_zone(name if isinstance(name, str) else "UTC"))
    except ValueError:
        return ZoneInfo("UTC")


def _hours(text: str) -> str:
    parse_week(text)
    return text


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError('write a number and a unit of s, m, h or d, such as "4h"')
    return text


def duration_ms(text: str) -> int:
    """Milliseconds of a duration that was found right."""
    return int(text[:-1]) * _UNITS_MS[text[-1]]


def _horizon(text: str) -> str:
    least, most = _HORIZON_MS
    if not least <= duration_ms(_duration(text)) <= most:
        raise ValueError('must be at least 10s and at most 400d; the default is "29d"')
    return text


def _client_id(text: str) -> str:
    if not _CLIENT_ID.fullmatch(text):
        raise ValueError("may hold lower case letters, digits and hyphens only; write: bakery-winter")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError("may hold up to 100 letters, digits, dots, hyphens and underscores only")
    return text


def _group(text: str) -> str:
    if not text:
        raise ValueError("is empty; write a name, such as resonanz")
    return _label(text)


def _account_id(text: str) -> str:
    if len(text) > MAX_ID or not _ACCOUNT_ID.fullmatch(text):
        raise ValueError(f'{text!r} is no account; write "platform:native-id", such as "bluesky:did:plc:abc"')
    return text


def _secret(value: Any, info: ValidationInfo) -> Any:
    """Secrets come from the environment or from a file, never from the text of the configuration."""
    if value is None or isinstance(value, SecretStr):
        return value
    context = info.context or {}
    environment, folder = context["environment"], context["folder"]
    if environment is None and isinstance(value, str) and _ELSEWHERE.match(value):
        return None
    if isinstance(value, str) and (match := _REFERENCE.fullmatch(value)):
        found = environment.get(match[1])
        if not found:
            raise ValueError(f"the environment has no {match[1]}; set it, or write file:/path/of/the/secret")
        return found
    if isinstance(value, str) and value.startswith("file:"):
        path = folder / value.removeprefix("file:")
        context["read"](path)
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8 text") from None
        if not text:
            raise ValueError(f"{path} is empty; write the secret into it")
        return text
    raise ValueError("a secret must not stand here; write ${NAME} for the environment or file:/path")


def _people_file(value: Any, info: ValidationInfo) -> Any:
    """A file with one person a line, as the platform names them; who stands there twice is one person."""
    if not isinstance(value, str):
        return value
    context = info.context or {}
    path = context["folder"] / value
    context["read"](path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read: {error.strerror}; write one person a line into it"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    people = [line.strip() for line in lines]
    return tuple(dict.fromkeys(one for one in people if one and not one.startswith("#")))


def _word(text: str) -> str:
    if not text.strip() or text != text.strip() or len(text) > MAX_ID:
        raise ValueError(f"{text!r} is no word; write 1 to {MAX_ID} characters without blanks around them")
    return text


def _brands(names: list[str]) -> list[str]:
    if not 2 <= len(names) <= MOST_BRANDS:
        raise ValueError(f"has {len(names)} of them; write 2 to {MOST_BRANDS}, the client's own among them")
    return names


def _topics(vocabulary: dict[str, list[str]]) -> dict[str, list[str]]:
    long = next((name for name in vocabulary if len(name) > LONGEST_TOPIC), None)
    if long is not None:
        raise ValueError(f"{long[:20]}… is too long; write at most {LONGEST_TOPIC} characters")
    if len(vocabulary) > VOCABULARY_SIZE:
        raise ValueError(
            f"has {len(vocabulary)} of them; write at most {VOCABULARY_SIZE}: each has figures of its own"
        )
    return vocabulary


def _kpi(name: str) -> str:
    known = kpis_by_id()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise ValueError(f"is no KPI; write {near[0] if near else 'one of ' + ', '.join(known)}")
    return name


def _windows(names: list[str]) -> list[str]:
    if unknown := [name for name in names if name not in WINDOWS]:
        raise ValueError(f"{unknown[0]!r} is no window; write one of {', '.join(WINDOWS)}")
    return names


def check_export(export: dict[str, list[str]]) -> dict[str, list[str]]:
    """Whether each KPI has the windows that are asked for."""
    known = {name: kpi.windows for name, kpi in kpis_by_id().items()}
    single = {name for name, kpi in kpis_by_id().items() if kpi.api_only}
    for kpi, windows in export.items():
        if kpi in single:
            raise ValueError(
                f"{kpi} is told of single posts, which are too many to be series; take it out and read it "
                f"from the API, or: resonanz query ACCOUNT"
            )
        if strange := [window for window in windows if window not in known[kpi]]:
            raise ValueError(f"{kpi} has no window {strange[0]}; write some of {', '.join(known[kpi])}")
    return export


def _options(value: Any) -> Any:
    """``bluesky:`` with nothing below it means: no options."""
    return {} if value is None else value


Zone = Annotated[str, AfterValidator(_zone)]
Hours = Annotated[str, AfterValidator(_hours)]
Holidays = Annotated[str, AfterValidator(check_holidays)]
Duration = Annotated[str, AfterValidator(_duration)]
Horizon = Annotated[str, AfterValidator(_horizon)]
ClientId = Annotated[str, AfterValidator(_client_id)]
AccountId = Annotated[str, AfterValidator(_account_id)]
Prefix = Annotated[str, AfterValidator(_label)]
PeopleFile = Annotated[tuple[str, ...], BeforeValidator(_people_file)]
Word = Annotated[str, AfterValidator(_word)]
Topics = Annotated[dict[Word, list[str]], AfterValidator(_topics)]
Brands = Annotated[list[Word], AfterValidator(_brands)]
Group = Annotated[str, AfterValidator(_group)]
KpiId = Annotated[str, AfterValidator(_kpi)]
WindowNames = Annotated[list[str], AfterValidator(_windows)]
Options = Annotated[dict[str, Any], BeforeValidator(_options)]
Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
# Strict: YAML knows numbers, so text and true are mistakes.
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1_000_000)]
People = Annotated[int, Field(strict=True, gt=0, le=10_000_000_000)]
