"""Another configuration on a wall that runs: who is shown, who may look, and what open streams tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, ENV, WITH_TOKENS
from tests.wall.test_stream import BLUESKY, FILE, MASTODON, Viewer
from tests.wall.walls import TWO_CLIENTS, RunningWall, wait_until

from resonanz_dashboards.trail import STEP_MS, Trail
from resonanz_streams.clock import wall_ms
from resonanz_streams.reload import Reloader

KEY = {"KEY": "0123456789abcdef0123456789abcdef"}
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what the rules are about; the test itself stays on loopback
HEAD = "pseudonym_key: ${KEY}\n"


class Configured:
    """A wall with its file."""

    def __init__(self, folder: Path, wall: RunningWall) -> None:
        self.path = folder / "resonanz.yaml"
        self.wall = wall

    def write(self, text: str, *, refused: bool = False) -> None:
        """Until the wall has taken it over, or refused it."""
        reloader = self.wall.reloader
        assert reloader is not None
        before = reloader.settings
        self.path.write_text(HEAD + text)
        if refused:
            wait_until(lambda: not reloader.successful, "it is refused")
        else:
            wait_until(lambda: reloader.settings is not before, "it is taken over")


@contextmanager
def configured(folder: Path, text: str, listen_on: str = "127.0.0.1") -> Iterator[Configured]:
    (folder / "resonanz.yaml").write_text(HEAD + text)
    reloader = Reloader(folder / "resonanz.yaml", KEY | ENV, tell=lambda _sentence: None)
    with RunningWall(reloader.settings, listen_on, reloader=reloader) as wall:
        yield Configured(folder, wall)


def shown(wall: RunningWall, token: str | None = None) -> dict[str, Any]:
    return {it["account"]: it for it in wall.get("/api/v1/accounts", token).json()["accounts"]}


def test_accounts_come_and_go_and_the_others_keep_their_figures(tmp_path: Path) -> None:
    with configured(tmp_path, TWO_CLIENTS) as it:
        wall = it.wall
        wall.put(*(record(snapshot(key, wall_ms())) for key in (BLUESKY, FILE)))
        viewer = Viewer(wall, "/api/v1/stream")
        boot = viewer.until("state")["data"]["boot"]
        assert {one["account"] for one in viewer.until("snapshots")["data"]["snapshots"]} == {BLUESKY, FILE}

        it.write(TWO_CLIENTS.replace('"file:a17"', '"file:b18"').replace("winter.example", "w.example"))
        found = shown(wall)
        assert list(found) == [BLUESKY, "file:b18", MASTODON]
        assert found[BLUESKY]["handle"] == "w.example"
        assert (found[BLUESKY]["at_ms"] is None, found["file:b18"]["state"]) == (False, "no_data")
        assert wall.get(f"/api/v1/accounts/{FILE}/kpis").status == 404
        assert wall.get(f"/api/v1/velocities?account={FILE}").status == 404

        # The page asks who there is, and is told nothing of who has left.
        while viewer.until("state")["data"]["boot"] == boot:
            pass
        wall.put(*(record(snapshot(key, wall_ms())) for key in (FILE, "file:b18")))
        told: set[str] = set()
        while "file:b18" not in told:
            told |= {one["account"] for one in viewer.until("snapshots")["data"]["snapshots"]}
        assert FILE not in told
        viewer.close()


def test_a_client_that_left_does_not_exist_and_its_streams_end(tmp_path: Path) -> None:
    with configured(tmp_path, TWO_CLIENTS) as it:
        viewer = Viewer(it.wall, "/api/v1/stream?client=theatre")
        viewer.until("state")
        it.write(TWO_CLIENTS.partition("  theatre:")[0])
        assert [one["client"] for one in it.wall.get("/api/v1/clients").json()["clients"]] == ["bakery"]
        assert it.wall.get("/api/v1/stream?client=theatre").status == 404
        assert viewer.rest().endswith(b"0\r\n\r\n")
        viewer.close()


def test_an_account_of_another_client_changes_viewers_at_once(tmp_path: Path) -> None:
    moved = WITH_TOKENS.replace('      - "file:a17"\n', "").rstrip()
    moved = moved.replace(
        '    accounts:\n      - {id: "mastodon', '    accounts:\n      - "file:a17"\n      - {id: "mastodon'
    )
    with configured(tmp_path, WITH_TOKENS, EVERYWHERE) as it:
        it.wall.put(record(snapshot(FILE, wall_ms())))
        assert set(shown(it.wall, BAKERY)) == {BLUESKY, FILE}
        it.write(moved)
        assert set(shown(it.wall, BAKERY)) == {BLUESKY}
        assert it.wall.get(f"/api/v1/accounts/{FILE}/kpis", BAKERY).status == 404
        assert it.wall.get(f"/api/v1/accounts/{FILE}/kpis", AGENCY).json()["client"] == "theatre"


def test_a_token_that_is_no_more_opens_nothing_and_ends_its_streams(tmp_path: Path) -> None:
    header = f"Authorization: Bearer {BAKERY}\r\n"
    with configured(tmp_path, WITH_TOKENS, EVERYWHERE) as it:
        viewer = Viewer(it.wall, "/api/v1/stream", header)
        viewer.until("state")
        it.write(WITH_TOKENS.replace("    token: ${BAKERY}\n", ""))
        assert it.wall.get("/api/v1/accounts", BAKERY).status == 401
        assert it.wall.get("/api/v1/accounts", AGENCY).status == 200
        assert viewer.rest().endswith(b"0\r\n\r\n")
        viewer.close()


def test_without_any_token_it_is_refused_and_all_stays_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with configured(tmp_path, WITH_TOKENS, EVERYWHERE) as it:
        assert it.wall.get("/healthz").json() == {"status": "ok", "configuration": "current"}
        it.write(TWO_CLIENTS.replace("file:a17", "file:b18"), refused=True)
        assert it.wall.get("/healthz").json() == {"status": "ok", "configuration": "refused"}
        assert set(shown(it.wall, BAKERY)) == {BLUESKY, FILE}
    assert "would show every client's figures to the whole network" in caplog.text


def test_the_trail_of_an_account_goes_on() -> None:
    trail = Trail(["a", "b"])
    for step in range(3):
        trail.sample(step * STEP_MS, [float(step), 10.0 * step])
    other = trail.of_others(["c", "b"])
    assert not other.due(2 * STEP_MS)
    other.sample(3 * STEP_MS, [7.0, 30.0])
    assert (other.times_ms(), other.of("b")) == ([0, 5_000, 10_000, 15_000], [0.0, 10.0, 20.0, 30.0])
    assert other.of("c") == [None, None, None, 7.0]
