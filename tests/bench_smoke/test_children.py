"""What a measured process tells is read while it is written."""

from pathlib import Path

from tests.bench.children import Child
from tests.bench.telling import MARK

LINES = f'{MARK}{{"what":"round"}}\n{MARK}{{"wh'


def test_half_a_line_is_not_read_yet(tmp_path: Path) -> None:
    with Child("one", ["-c", f"print({LINES!r}, end='')"], tmp_path) as child:
        assert child.process.wait(20) == 0
        assert child.told("round") == [{"what": "round"}]
