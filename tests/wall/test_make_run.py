"""The README's first command, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.processes import Process, free_port, get, wait_until

ROOT = Path(__file__).parents[2]
TO_START_SECONDS = 60.0
COUNTS = """() => [...document.querySelectorAll(
    "[data-tile=interactions] .figure, [data-tile=velocity] .figure, #rows .figure"
  )].map((it) => it.textContent).join(" ")"""


@pytest.mark.skipif(
    not (ROOT / ".venv/.run").exists(), reason="make run would install: NOT tested here; make test"
)
def test_make_run_shows_numbers_that_move_within_a_minute(browser: Browser, tmp_path: Path) -> None:
    """From the command, installed before, to counts that change in a browser: all of it in one minute."""
    port = free_port()
    words = ["run", f"PORT={port}", f"FOLDER={tmp_path}/demo"]
    with Process(words, tmp_path / "run.log", cwd=ROOT, program=["make"]) as process:
        began = time.monotonic()

        def left_ms() -> float:
            return max(1.0, (TO_START_SECONDS - (time.monotonic() - began)) * 1000)

        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the wall answers", TO_START_SECONDS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#link")).to_have_text("LIVE", timeout=left_ms())
        page.wait_for_function(f"() => /[0-9]/.test(({COUNTS})())", timeout=left_ms())
        # Counts and rates alone: ages and the clock move even on a wall that stands still.
        page.wait_for_function(f"was => ({COUNTS})() !== was", arg=page.evaluate(COUNTS), timeout=left_ms())
        page.close()
        assert "Traceback" not in process.output()
