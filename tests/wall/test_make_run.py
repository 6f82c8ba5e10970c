"""The README's first command, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.processes import Process, free_port, get, wait_until

ROOT = Path(__file__).parents[2]
TO_START_SECONDS = 60.0


@pytest.mark.skipif(
    not (ROOT / ".venv/.run").exists(), reason="make run would install: NOT tested here; make test"
)
def test_make_run_shows_numbers_that_move_within_a_minute(browser: Browser, tmp_path: Path) -> None:
    """From the command, installed before, to figures that change in a browser."""
    port = free_port()
    words = ["run", f"PORT={port}", f"FOLDER={tmp_path}/demo"]
    with Process(words, tmp_path / "run.log", cwd=ROOT, program=["make"]) as process:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the wall answers", TO_START_SECONDS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#link")).to_have_text("LIVE", timeout=TO_START_SECONDS * 1000)
        expect(page.locator(".rows .row").first).to_be_visible(timeout=TO_START_SECONDS * 1000)
        first = page.locator("#rows").inner_text()
        page.wait_for_function(
            "was => document.querySelector('#rows').innerText !== was",
            arg=first,
            timeout=TO_START_SECONDS * 1000,
        )
        page.close()
        assert "Traceback" not in process.output()
