"""What operators rely on stands in the README: the URL's parameters, the fields of log lines, the doctor."""

import json
import logging
import re
import sys
from pathlib import Path

import pytest

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.logs import JsonLines
from resonanz_streams.reload import LIVE
from resonanz_streams.settings import Settings
from resonanz_streams.transports.kafka_url import parse

README = (Path(__file__).parents[2] / "README.md").read_text()


def named(heading: str) -> set[str]:
    """What stands in backticks under a heading."""
    section = README.partition(f"{heading}\n")[2].partition("\n## ")[0]
    prose = re.sub("```.*?```", "", section, flags=re.DOTALL)
    return set(re.findall("`([^`]+)`", prose))


def test_every_parameter_of_a_broker_url_is_explained() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse("kafka://a?nonsense=1")
    known = str(caught.value).partition("known are ")[2].split(", ")
    assert len(known) == 7
    assert set(known) <= named("### A secured cluster")


def test_every_field_of_a_log_line_is_explained() -> None:
    try:
        int("?")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "m", (), sys.exc_info())
    record.topic, record.partition = "likes", 1
    line = json.loads(JsonLines("worker").format(record))
    assert len(line) == 9
    assert line.keys() <= named("## Operating it")


def test_what_takes_effect_without_a_restart_is_listed() -> None:
    said = named("### A changed configuration")
    assert said >= LIVE
    fixed = {"broker", "clock", "partitions", "pseudonym_key", "horizon", "ledger_max_mb", "kpis", "export"}
    assert fixed <= said
    assert fixed <= Settings.model_fields.keys() - LIVE
