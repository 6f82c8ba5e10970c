"""A wall, and a real browser, started once. Without one its tests are skipped aloud; in CI they fail."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.wall.chromium import ARGUMENTS, CHROMIUM, MISSING
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    if not CHROMIUM.exists():
        why = f"the page is NOT tested: {MISSING}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients, three accounts, no figures."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as running:
        yield running
