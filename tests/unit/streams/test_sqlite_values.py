"""Values of compacted topics take less room and come back as they were."""

from pathlib import Path

import pytest
from hypothesis import given as on
from hypothesis import strategies as st

from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_values import SMALL, given, kept

MAGIC = b"\x04\x22\x4d\x18"
LONG = b'{"kpi":"interactions","value":1.0},' * 300


@on(st.binary(max_size=2 * SMALL) | st.binary(max_size=20).map(MAGIC.__add__))
def test_any_bytes_come_back(value: bytes) -> None:
    assert given(kept(value)) == value


def test_short_values_stay_readable_and_long_ones_shrink() -> None:
    assert kept(b'{"v":1}') == b'{"v":1}'
    assert kept(None) is None
    assert given(None) is None
    stored = kept(LONG)
    assert stored is not None
    assert len(stored) < len(LONG) / 20


@pytest.mark.parametrize(("cleanup", "shrinks"), [("compact", True), ("delete", False)])
def test_only_a_compacted_topic_is_kept_compressed(tmp_path: Path, cleanup: str, shrinks: bool) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.create_topic("topic", 1, cleanup)
    values = [LONG, MAGIC + LONG, b"short", None]
    log.append([Outgoing("topic", b"%d" % key, value) for key, value in enumerate(values)], at_ms=1)
    with log.snapshot() as connection:
        ((stored,),) = connection.execute("SELECT max(length(value)) FROM log").fetchall()
    assert (stored < len(LONG)) is shrinks
    assert [record.value for record in log.read("topic", 0, 0, 2**20)] == values
    log.close()
