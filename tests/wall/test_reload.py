"""Another configuration on a wall that runs: who is shown, who may look, and what open streams tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.wall.deep import number, with_deep
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, ENV, WITH_TOKENS
from tests.wall.test_stream import BLUESKY, FILE, MASTODON, Viewer
from tests.wall.walls import TWO_CLIENTS, RunningWall, wait_until

from resonanz_dashboards.strangers import MOST, MOST_BYTES, Strangers
from resonanz_dashboards.trail import STEP_MS, Trail
from resonanz_streams.clock import wall_ms
from resonanz_streams.reload import Reloader
from resonanz_streams.transports.ports import Record

THEATRE = "theatre-token-0123456789"
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
    reloader = Reloader(
        folder / "resonanz.yaml", KEY | ENV | {"THEATRE": THEATRE}, tell=lambda _sentence: None
    )
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


def moved(text: str) -> str:
    """The bakery's file account is the theatre's."""
    without = text.replace('      - "file:a17"\n', "").rstrip()
    return without.replace(
        '    accounts:\n      - {id: "mastodon', '    accounts:\n      - "file:a17"\n      - {id: "mastodon'
    )


def told(at_ms: int, client: str, likes: float) -> list[Record]:
    """What both topics say of the file account."""
    shot = snapshot(FILE, at_ms, client=client, likes_per_hour=likes)
    return with_deep(shot, [number("backlog", None, likes)])


def backlog(wall: RunningWall, token: str) -> list[float]:
    found = wall.get(f"/api/v1/accounts/{FILE}/kpis?kpi=backlog", token).json()["kpis"]
    return [it["value"] for it in found]


def test_an_account_of_another_client_changes_viewers_at_once(tmp_path: Path) -> None:
    with configured(tmp_path, WITH_TOKENS, EVERYWHERE) as it:
        it.wall.put(record(snapshot(FILE, wall_ms())))
        assert set(shown(it.wall, BAKERY)) == {BLUESKY, FILE}
        it.write(moved(WITH_TOKENS))
        assert set(shown(it.wall, BAKERY)) == {BLUESKY}
        assert it.wall.get(f"/api/v1/accounts/{FILE}/kpis", BAKERY).status == 404
        assert it.wall.get(f"/api/v1/accounts/{FILE}/kpis", AGENCY).json()["client"] == "theatre"


def test_the_new_client_of_an_account_sees_none_of_the_old_one_s_figures(tmp_path: Path) -> None:
    text = WITH_TOKENS.replace(
        "    name: Little Theatre\n", "    name: Little Theatre\n    token: ${THEATRE}\n"
    )
    with configured(tmp_path, text, EVERYWHERE) as it:
        wall = it.wall
        wall.put(*told(wall_ms(), "bakery", 60.0))
        wait_until(lambda: wall.board.trail.of(FILE) != [], "a velocity is remembered")
        assert backlog(wall, BAKERY) == [60.0]

        it.write(moved(text))
        for _ in range(2):
            assert wall.get(f"/api/v1/accounts/{FILE}/kpis", THEATRE).json()["kpis"] == []
            seen = shown(wall, THEATRE)[FILE]
            assert (seen["state"], seen["at_ms"]) == ("no_data", None)
            group = wall.get("/api/v1/clients/theatre/kpis", THEATRE).json()
            assert (group["kpis"], group["at_ms"]) == ([], None)
            trail = wall.get(f"/api/v1/velocities?account={FILE}", THEATRE).json()
            assert {value for line in trail["accounts"].values() for value in line} <= {None}
            viewer = Viewer(wall, "/api/v1/stream", f"Authorization: Bearer {THEATRE}\r\n")
            sent = {one["account"]: one for one in viewer.until("snapshots")["data"]["snapshots"]}
            assert (sent[FILE]["kpis"], sent[FILE]["deep_at_ms"]) == ([], None)
            viewer.close()
            # A worker that still goes by yesterday's.
            wall.put(*told(wall_ms(), "bakery", 61.0))

        wall.put(*told(wall_ms(), "theatre", 7.0))
        assert backlog(wall, THEATRE) == [7.0]


def test_a_wall_that_starts_takes_no_figures_that_were_told_for_another_client(tmp_path: Path) -> None:
    with configured(tmp_path, moved(WITH_TOKENS), EVERYWHERE) as it:
        it.wall.put(*told(wall_ms(), "bakery", 60.0))
        assert it.wall.get(f"/api/v1/accounts/{FILE}/kpis", AGENCY).json()["kpis"] == []


def test_what_a_worker_told_by_the_new_configuration_first_is_shown_with_it(tmp_path: Path) -> None:
    """Its own account's, and one that is another client's now; what came last, and nothing of who is gone."""
    with configured(tmp_path, WITH_TOKENS, EVERYWHERE) as it:
        wall = it.wall
        fresh, gone = (
            with_deep(snapshot(name, wall_ms()), [number("backlog", None, 3.0)])
            for name in ("file:b18", "file:c19")
        )
        wall.put(*told(wall_ms(), "bakery", 60.0), *told(wall_ms(), "theatre", 7.0), *fresh, *gone)
        wall.put(*(replace(one, value=None) for one in gone))
        assert backlog(wall, AGENCY) == [60.0]
        more = '      - "file:b18"\n      - "file:c19"\n      - {id: "bluesky'
        it.write(moved(WITH_TOKENS).replace('      - {id: "bluesky', more))
        assert backlog(wall, AGENCY) == [7.0]
        found = wall.get("/api/v1/accounts/file:b18/kpis?kpi=backlog", BAKERY).json()["kpis"]
        assert [one["value"] for one in found] == [3.0]
        assert wall.get("/api/v1/accounts/file:c19/kpis", BAKERY).json()["kpis"] == []


def test_of_strangers_the_newest_are_kept_up_to_a_bound() -> None:
    strangers = Strangers()
    for name in (*map(str, range(MOST + 1)), "1"):
        strangers.keep(("kpis", name), Record("kpis", 0, 0, name.encode(), b"x"))
    kept = [one.key for one in strangers.release()]
    assert (len(kept), kept[0], kept[-1]) == (MOST, b"2", b"1")
    assert strangers.release() == []
    for name in "abc":
        strangers.keep(("kpis", name), Record("kpis", 0, 0, name.encode(), b"x" * (MOST_BYTES // 2)))
    assert [one.key for one in strangers.release()] == [b"b", b"c"]


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
    assert trail.of_others(["a", "b"], without={"b"}).of("b") == [None, None, None]
