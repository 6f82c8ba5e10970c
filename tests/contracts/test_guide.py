"""The author's guide: the connector and the playback in its text are run as they stand there."""

import textwrap
from typing import Any

from resonanz_connectors import base, testing
from resonanz_connectors.testing import ConnectorContract


def example(module: Any) -> str:
    """The indented block after the first ``::`` of a module's text."""
    lines = (module.__doc__ or "").partition("::\n\n")[2].splitlines()
    end = next(number for number, line in enumerate(lines) if line and not line.startswith("    "))
    return textwrap.dedent("\n".join(lines[:end]))


PREAMBLE = """
from collections.abc import AsyncIterator
from pathlib import Path
import pytest
from resonanz_connectors.base import Batch, Connector, DeadLetter, SourceError
from resonanz_connectors.testing import ConnectorContract, Playback, Stage
from resonanz_streams.events import Event
"""
space: dict[str, Any] = {"__name__": __name__}
exec(PREAMBLE + example(base) + example(testing), space)  # noqa: S102  # our own text
TestGuestbook = space["TestGuestbook"]


def test_the_guide_holds_a_connector_of_twenty_lines_and_its_suite() -> None:
    assert issubclass(TestGuestbook, ConnectorContract)
    assert len(example(base).splitlines()) <= 24
