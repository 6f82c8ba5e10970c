"""What the doctor says."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` is so, of ``subject``; ``mend`` is the command or the line of configuration against it."""

    level: Level
    subject: str
    what: str
    mend: str = ""


def told(level: Level, subject: str, sentence: object) -> Finding:
    """A finding from one of our sentences: what is wrong; what to do."""
    what, _, mend = str(sentence).partition("; ")
    return Finding(level, subject, what, mend)
