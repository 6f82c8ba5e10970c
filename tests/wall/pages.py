"""The page in a real browser: how tests open it and where they look."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect
from tests.wall.figures import snapshot
from tests.wall.walls import DEADLINE_SECONDS, RunningWall

from resonanz_streams.events import KpiSnapshot

BLUESKY, FILE, MASTODON = "bluesky:did:plc:abc", "file:a17", "mastodon:https://example.social/@stage"
WALL, DESK, PHONE = (1920, 1080), (1366, 768), (390, 844)
# Every visible text with its size in pixels.
SIZES = """() => [...document.querySelectorAll("body *")].filter((it) =>
    it.checkVisibility() && it.clientWidth > 1 && it.tagName !== "OPTION"
    && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((it) => [it.textContent, parseFloat(getComputedStyle(it).fontSize)])"""

# Of every visible text: its contrast to the ground below it, opacity of its ancestors included.
CONTRASTS = """() => {
  const light = (rgb) => rgb.map((it) => it / 255)
    .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
    .reduce((sum, it, i) => sum + it * [0.2126, 0.7152, 0.0722][i], 0);
  const parsed = (color) => color.match(/[0-9.]+/g).map(Number);
  const ground = (it) => {
    const [r, g, b, a] = parsed(getComputedStyle(it).backgroundColor);
    return a === 0 && it.parentElement ? ground(it.parentElement) : [r, g, b];
  };
  const share = (it) => (it ? getComputedStyle(it).opacity * share(it.parentElement) : 1);
  return [...document.querySelectorAll("body *")].filter((it) => it.checkVisibility()
      && it.clientWidth > 1 && it.tagName !== "OPTION"
      && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((it) => {
      const below = ground(it);
      const ink = parsed(getComputedStyle(it).color).slice(0, 3);
      const seen = ink.map((value, i) => below[i] + (value - below[i]) * share(it));
      const [low, high] = [light(seen), light(below)].sort((a, b) => a - b);
      return [it.textContent, (high + 0.05) / (low + 0.05)];
    });
}"""

expect.set_options(timeout=DEADLINE_SECONDS * 1000)


def accounts_of_one_client(number: int) -> str:
    """A configuration of ``number`` accounts."""
    lines = "".join(f"      - file:a{it}\n" for it in range(number))
    return f"clients:\n  big:\n    name: Big\n    potential: 5000\n    accounts:\n{lines}"


@contextmanager
def page_of(browser: Browser, wall: RunningWall, size: tuple[int, int], query: str = "") -> Iterator[Page]:
    """The page, opened afresh; it must ask nothing of anybody else and run without an error."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=size == PHONE,
        reduced_motion="reduce",  # who tries motion itself asks for it; all others need not wait for it
    )
    page = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    page.on("request", lambda it: None if it.url.startswith(wall.url) else foreign.append(it.url))
    page.on("pageerror", lambda it: errors.append(str(it)))
    page.on("console", lambda it: errors.append(it.text) if "Content Security" in it.text else None)
    page.goto(f"{wall.url}/{query}")
    try:
        yield page
        assert not foreign
        assert not errors
    finally:
        context.close()


def tile(page: Page, name: str) -> Locator:
    """The big number of a headline tile."""
    return page.locator(f"[data-tile={name}] .figure")


def row(page: Page, account: str) -> Locator:
    """The row of an account."""
    return page.locator(f"[data-account='{account}']")


def of_theatre(at_ms: int) -> KpiSnapshot:
    """The theatre has no potential and does not know its followers."""
    return snapshot(MASTODON, at_ms, client="theatre", potential=None, followers=None)
