"""Lines that cannot be counted: the reason for each, and the record that keeps its bytes."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.events import VERSION, Event
from resonanz_streams.letters import Reason, letter
from resonanz_streams.topics import KIND_OF_TOPIC
from resonanz_streams.transports.ports import Outgoing, Run

MAX_LINE: Final = 256 * 1024
MAX_DEPTH: Final = 64

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_any_kind: Final = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line came from: record offset and its bytes."""

    offset: int
    data: bytes


class Lines:
    """The lines of a run that are not blank; taken apart only when one of them is asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lines: list[Line] | None = None

    def all(self) -> list[Line]:
        """Every line that is not blank, in order."""
        if self._lines is None:
            self._lines = [
                Line(offset, line)
                for offset, value in zip(self._run.offsets, self._run.values, strict=True)
                for line in value.split(b"\n")
                if line.strip(b" \t\r")
            ]
        return self._lines


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be counted, and why. ``error`` never quotes the line."""

    line: Line
    reason: Reason
    error: str

    def record(self, topic: str, partition: int) -> Outgoing:
        """The dead letter of a line that stood in this partition."""
        line = self.line
        return letter(
            line.data, self.reason, self.error, origin=topic, partition=partition, offset=line.offset
        )


def unfit(data: bytes) -> tuple[Reason, str] | None:
    """Why a line must not reach the typed decoder, or None.

    That one passes over fields it does not know without looking for their depth or encoding.
    """
    if len(data) > MAX_LINE:
        return "too_large", f"{len(data)} bytes; {MAX_LINE} are allowed"
    if depth(data) > MAX_DEPTH:
        return "too_deep", f"nested deeper than {MAX_DEPTH}"
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as fault:
            return "not_json", f"no UTF-8 at byte {fault.start}"
    return None


def classify(data: bytes, topic: str, error: msgspec.DecodeError) -> tuple[Reason, str]:
    """The reason for a line that is not :func:`unfit` and that the typed decoder refused."""
    try:
        event = json.loads(data.decode(), parse_constant=_no_constant, parse_int=_whole)
    except json.JSONDecodeError as fault:
        return "not_json", f"{fault.msg} at character {fault.pos}"
    except ValueError:
        return "not_json", "NaN and Infinity are not JSON"
    if not isinstance(event, dict):
        return "not_json", "not an object"
    return _classify_object(event, data, topic, error)


def _classify_object(
    event: dict[str, Any], data: bytes, topic: str, error: msgspec.DecodeError
) -> tuple[Reason, str]:
    version = event.get("v", VERSION)
    if type(version) is not int or version != VERSION:
        return "unknown_version", f"v must be {VERSION}"
    if topic in KIND_OF_TOPIC:
        try:
            kind = _any_kind.decode(data).kind
        except msgspec.DecodeError:
            pass
        else:
            if kind != KIND_OF_TOPIC[topic]:
                return "wrong_topic", f"kind {kind} in topic {topic}"
    return "wrong_type", _without_payload(str(error))


def _without_payload(message: str) -> str:
    """The decoder's message; where it quotes a value only the place is left."""
    if "'" not in message:
        return message[:200]
    _, at, place = message.rpartition(" - at ")
    return f"a value that is not allowed{at}{place}"[:200] if at else "a value that is not allowed"


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _whole(digits: str) -> int:
    """Python refuses integers of more than 4,300 digits, JSON does not; the size is judged elsewhere."""
    return int(digits[:19])


def depth(data: bytes) -> int:
    """How deep brackets nest, those in strings left out; 0 when there are too few to matter."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    brackets = np.frombuffer(_STRING.sub(b"", data).translate(None, _NOT_BRACKETS), np.uint8)
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    return int(np.cumsum(np.where(opening, 1, -1)).max(initial=0))


def may_be_deep(text: NDArray[np.uint8], newlines: NDArray[np.intp]) -> bool:
    """Whether one of the lines, of at least one object each, holds more opening brackets than may nest."""
    opens = (text == ord("[")) | (text == ord("{"))
    if np.count_nonzero(opens) - len(newlines) <= MAX_DEPTH:
        return False
    line = np.searchsorted(newlines, np.flatnonzero(opens))
    return bool((line[MAX_DEPTH:] == line[:-MAX_DEPTH]).any())
