"""What a process says of itself on standard error: a line each, as text or as JSON, without any secret.

A JSON line has these fields and no others, each of bounded length:

``time``     UTC, ISO 8601, milliseconds
``level``    info, warning, error or critical
``part``     worker, wall, connect, up, replay, …
``logger``   the module that speaks
``message``  a sentence
``topic``, ``partition``   where it concerns one
``error``, ``trace``       an exception's class, and the end of its trace, where nobody foresaw it
"""

import contextlib
import logging
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal

import click
from pythonjsonlogger.orjson import OrjsonFormatter

from resonanz_streams.errors import ConfigurationError, ResonanzError
from resonanz_streams.settings import Settings
from resonanz_streams.transports.kafka_url import parse

Format = Literal["text", "json"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json")
LONGEST_MESSAGE: Final = 2_000
LONGEST_TRACE: Final = 8_000
_LONGEST_NAME: Final = 200
_SHORTEST_SECRET: Final = 4
_MASK: Final = "***"
_said = logging.getLogger("resonanz")


class Mask:
    """Takes secrets out of texts."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def add(self, secrets: Iterable[str]) -> None:
        """From now on these, too; also as Python quotes them."""
        known = {*self._secrets}
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                known |= {secret, repr(secret)[1:-1]}
        # The longest first: one may be a part of another.
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text, with stars in place of secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text


_mask: Final = Mask()
hide = _mask.add


class TextLines(logging.Formatter):
    """Time, part, level and message; a trace of what nobody foresaw follows on lines of its own."""

    def __init__(self, part: str) -> None:
        super().__init__(f"%(asctime)s {part} %(levelname)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        return _mask(super().format(record))


class JsonLines(OrjsonFormatter):
    """One JSON object a line; see the module."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Exactly the fields of the module's list; what others hang on a record is left out."""
        at = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["level"] = record.levelname.lower()
        log_data["part"] = self._part
        log_data["logger"] = record.name[:_LONGEST_NAME]
        log_data["message"] = _cut(_mask(record.message), LONGEST_MESSAGE)
        if isinstance(topic := getattr(record, "topic", None), str):
            log_data["topic"] = topic[:_LONGEST_NAME]
        if isinstance(partition := getattr(record, "partition", None), int):
            log_data["partition"] = partition
        if trace := message_dict.get("exc_info"):
            kind = record.exc_info[0] if record.exc_info else None
            log_data["error"] = kind.__name__[:_LONGEST_NAME] if kind else ""
            log_data["trace"] = _mask(trace)[-LONGEST_TRACE:]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def log_to_stderr(part: str, form: Format) -> None:
    """Warnings and worse, and what is said to a person, go to standard error. With ``json`` nothing else
    does: neither traces nor warnings of Python."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(part) if form == "json" else TextLines(part))
    handler.addFilter(_without_known_traces)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _said.setLevel(logging.INFO if form == "json" else logging.WARNING)
    if form == "json":
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_a_thread
        sys.unraisablehook = _unraisable


def is_json() -> bool:
    """Whether lines are JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def say(sentence: str) -> None:
    """Tell a person; where lines are JSON, in one."""
    if is_json():
        _said.info("%s", click.unstyle(sentence))
    else:
        click.echo(sentence, err=True)


def say_error(error: ResonanzError) -> None:
    """Tell why the command ends."""
    if is_json():
        _said.error("%s", error)
    else:
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {_mask(str(error))}", err=True)


def _without_known_traces(record: logging.LogRecord) -> bool:
    """Faust and its like log the trace of an error of ours before we tell it in a sentence. What was under
    way when we closed a TLS connection is nobody's, but asyncio calls it an error that nobody looked at."""
    error = record.exc_info[1] if record.exc_info else None
    after_close = isinstance(error, ssl.SSLError) and error.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
    return not (after_close or isinstance(error, ResonanzError))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _said.critical("it ends with an error that nobody foresaw: %s", error, exc_info=(kind, error, trace))


def _uncaught_in_a_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    if args.exc_value is not None:
        _said.warning("%s", args.err_msg or args.exc_value, exc_info=args.exc_value)


def secrets_of(settings: Settings) -> Iterator[str]:
    """Every secret that the configuration leads to."""
    fields = [settings.pseudonym_key, settings.wall.agency_token]
    fields += [client.token for client in settings.clients.values()]
    yield from (field.get_secret_value() for field in fields if field is not None)
    if settings.broker.startswith("kafka"):
        # A file that cannot be read is told when it is needed.
        with contextlib.suppress(ConfigurationError):
            if password := parse(settings.broker).password():
                yield password
