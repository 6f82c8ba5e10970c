"""A line that our own code fails on must not stop everything that comes after it."""

import logging
from collections.abc import Callable
from typing import TypeVar

from resonanz_streams.dead_letters import Lines, Rejected
from resonanz_streams.transports.ports import Run

log = logging.getLogger(__name__)
T = TypeVar("T")
Decode = Callable[[Run, Lines], tuple[T, list[Rejected]]]


def decoded(decode: Decode[T], run: Run, lines: Lines) -> tuple[list[tuple[T, Lines]], list[Rejected]]:
    """The run as ``decode`` gives it; if that fails, line by line, those that fail again ``quarantined``.

    ``decode`` must change nothing, since it is called again. Each part comes with the lines that its
    places refer to.
    """
    try:
        whole, rejected = decode(run, lines)
    except Exception as error:  # whatever it is, it is one line's
        log.error(  # noqa: TRY400  # the traceback goes to those who ask for it
            "%s/%d: a line at offsets %d to %d cannot be counted and is quarantined (%s)",
            run.topic, run.partition, run.offsets[0], run.offsets[-1], type(error).__name__,
        )  # fmt: skip
        log.debug("what failed", exc_info=True)
        return _apart(decode, run, lines)
    return [(whole, lines)], rejected


def _apart(decode: Decode[T], run: Run, lines: Lines) -> tuple[list[tuple[T, Lines]], list[Rejected]]:
    parts, rejected = [], []
    for line in lines.all():
        alone = Run(run.topic, run.partition, line.offset, line.offset + 1, [line.data], [line.offset])
        own = Lines(alone)
        try:
            part, refused = decode(alone, own)
        except Exception as error:  # noqa: BLE001
            rejected.append(Rejected(line, "quarantined", f"counting it failed: {type(error).__name__}"))
        else:
            parts.append((part, own))
            rejected += refused
    return parts, rejected
