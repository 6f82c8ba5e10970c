"""Dead letters as a file that a person can repair: one JSON object a line.

``letter`` (where it stands), ``topic``, ``reason``, ``error``, and the line itself: as ``event`` where it is
a JSON object that may nest so deep, as ``text`` where it is only text, else as ``base64``. A person repairs
``event`` or ``text``.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from resonanz_streams.dead_letters import MAX_DEPTH, depth
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.redrive_judge import Letter, Verdict
from resonanz_streams.redrive_notes import place_of


def written(letter: Letter, verdict: Verdict) -> bytes:
    """A line of the file, with its newline."""
    place = None if letter.place is None else "{}/{}".format(*letter.place)
    head = {"letter": place, "topic": letter.topic, "reason": verdict.reason, "error": verdict.error}
    return orjson.dumps(head | _body(letter.data)) + b"\n"


def _body(data: bytes) -> dict[str, Any]:
    try:
        # Deeper than this it could be read, but not written.
        event = orjson.loads(data) if depth(data) <= MAX_DEPTH else None
    except orjson.JSONDecodeError:
        event = None
    if isinstance(event, dict):
        return {"event": event}
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def read(path: Path) -> Iterator[Letter]:
    """The letters of a file.

    Raises:
        ConfigurationError: a line is not as :func:`written` makes them.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _letter(path, number, line)


def _letter(path: Path, number: int, line: bytes) -> Letter:
    try:
        found = json.loads(line)
        data = _data(found)
        place = found.get("letter")
        where = place_of(place) if place else None
        return Letter(where, str(found["topic"]), str(found.get("reason") or ""), f"line {number}", data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigurationError(
            f"{path}:{number}: is no letter; write lines as resonanz redrive --out makes them: "
            '{"topic": "likes", "event": {…}}'
        ) from None


def _data(found: dict[str, Any]) -> bytes:
    if "event" in found:
        return json.dumps(found["event"], ensure_ascii=False, separators=(",", ":")).encode()
    return found["text"].encode() if "text" in found else base64.b64decode(found["base64"], validate=True)
