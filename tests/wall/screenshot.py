"""A picture of a running wall: ``python -m tests.wall.screenshot URL OUT.png [--phone]``.

1920 by 1080 pixels, or 390 by 844 points at two pixels each with ``--phone``.
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from tests.wall.chromium import ARGUMENTS, CHROMIUM, MISSING

WIDE, PHONE = (1920, 1080), (390, 844)
LOAD_SECONDS = 30
# A sparkline needs a past, a number its run to an end.
SETTLE_SECONDS = 8.0


def main() -> int:
    """Take the picture; 1 if the page or the browser cannot be had."""
    options = argparse.ArgumentParser(prog="python -m tests.wall.screenshot", description=__doc__)
    options.add_argument("url")
    options.add_argument("out", type=Path)
    options.add_argument("--phone", action="store_true", help="as on a phone")
    options.add_argument("--size", help="another size, such as 1366x768")
    options.add_argument("--seconds", type=float, default=SETTLE_SECONDS, help="how long to look on first")
    options.add_argument("--token", help="log in with it (a wall beyond loopback)")
    given = options.parse_args()
    if not CHROMIUM.exists():
        print(MISSING, file=sys.stderr)
        return 1
    size = tuple(map(int, given.size.split("x"))) if given.size else PHONE if given.phone else WIDE
    try:
        with sync_playwright() as playwright:
            take(_context(playwright, (size[0], size[1]), phone=given.phone), given)
    except PlaywrightError as error:
        print(f"{given.url} gave no picture: {error.message.splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


def take(context: BrowserContext, given: argparse.Namespace) -> None:
    """Open the page, wait until it is live (or says why not), and keep what is seen."""
    page = context.new_page()
    page.goto(given.url, timeout=1000 * LOAD_SECONDS)
    if given.token:
        page.get_by_label("Token").fill(given.token)
        page.get_by_role("button", name="Show the wall").click()
    page.locator("body:not([data-link=connecting], [data-link=loading])").wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1000 * given.seconds)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=given.out)
    context.close()


def _context(playwright: Playwright, size: tuple[int, int], *, phone: bool) -> BrowserContext:
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=2 if phone else 1,
        is_mobile=phone,
        has_touch=phone,
        color_scheme="dark",
    )


if __name__ == "__main__":
    sys.exit(main())
