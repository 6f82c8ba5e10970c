"""Pictures of a running wall have the size they are said to have."""

import struct
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser
from tests.processes import free_port
from tests.wall.figures import record, snapshot
from tests.wall.walls import HERE, RunningWall

from resonanz_streams.clock import wall_ms

ROOT = Path(__file__).parents[2]


def picture(url: str, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Take one."""
    words = [sys.executable, "-m", "tests.wall.screenshot", url, str(out), "--seconds", "0", *options]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def size_of(png: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    header = png.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:])
    return int(width), int(height)


def test_a_wall_and_a_phone(browser: Browser, wall: RunningWall, tmp_path: Path) -> None:
    assert browser.is_connected()  # without a browser this is skipped or fails as all tests of the page
    wall.put(record(snapshot("file:a17", wall_ms())))
    assert picture(wall.url, tmp_path / "new" / "wide.png").returncode == 0
    assert picture(wall.url, tmp_path / "phone.png", "--phone").returncode == 0
    assert size_of(tmp_path / "new" / "wide.png") == (1920, 1080)
    assert size_of(tmp_path / "phone.png") == (780, 1688)


def test_no_wall_no_picture(browser: Browser, tmp_path: Path) -> None:
    assert browser.is_connected()
    failed = picture(f"http://{HERE}:{free_port()}/", tmp_path / "none.png")
    assert failed.returncode == 1
    assert "gave no picture" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "none.png").exists()
