"""README.md shows the last whole run: its tables, and the worksheet that is computed from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.bench import growth
from tests.bench.figures import Report

README: Final = Path(__file__).parents[2] / "README.md"
_MARKS: Final = "<!-- {} -->\n", "<!-- end of {} -->\n"


def write(report: Report, measured: Mapping[str, float]) -> None:
    """Put a run in the place of the last one."""
    constants = growth.save(measured)
    text = README.read_text(encoding="utf-8")
    text = with_block(text, "bench", report.markdown())
    README.write_text(with_block(text, "growth", growth.markdown(constants)), encoding="utf-8")


def block(text: str, name: str) -> str:
    """What stands between the marks of this name."""
    before, after = (mark.format(name) for mark in _MARKS)
    return text.partition(before)[2].partition(after)[0].strip("\n") + "\n"


def with_block(text: str, name: str, content: str) -> str:
    """The text with ``content`` between the marks of this name."""
    before, after = (mark.format(name) for mark in _MARKS)
    head, rest = text.split(before)
    return f"{head}{before}\n{content}\n{after}{rest.split(after)[1]}"
