"""What ``resonanz up`` writes where nobody has written a configuration."""

from pathlib import Path

import pytest

from resonanz_streams.arrangement import Wanted, arrange
from resonanz_streams.errors import StopError
from resonanz_streams.settings import load_settings


def accounts(path: Path) -> dict[str, list[str]]:
    return {
        name: [account.id for account in client.accounts]
        for name, client in load_settings(path, {}).clients.items()
    }


def test_the_demo_alone_stays_as_somebody_changed_it(tmp_path: Path) -> None:
    path = arrange(Wanted(demo=True), tmp_path)
    assert len(accounts(path)) > 2
    path.write_text(path.read_text() + "# mine\n")
    assert arrange(Wanted(demo=True), tmp_path).read_text().endswith("# mine\n")


def test_the_demo_is_the_demo_after_something_else_stood_there(tmp_path: Path) -> None:
    demo = arrange(Wanted(demo=True), tmp_path).read_text()
    path = arrange(Wanted(bluesky=["bsky.app"]), tmp_path)
    assert accounts(path) == {"bluesky": ["bluesky:bsky.app"]}
    assert arrange(Wanted(demo=True), tmp_path).read_text() == demo


def test_accounts_and_files_beside_the_demo(tmp_path: Path) -> None:
    wanted = Wanted(
        demo=True,
        bluesky=["@Bsky.app", "bluesky:bsky.app", "did:plc:aB"],
        files=[tmp_path / "likes.csv"],
        file_accounts=["file:a17"],
        mapping={"at_ms": "time"},
        defaults={"kind": "like"},
    )
    path = arrange(wanted, tmp_path)
    found = accounts(path)
    assert found["bluesky"] == ["bluesky:bsky.app", "bluesky:did:plc:aB"]
    assert found["files"] == ["file:a17"]
    assert len(found) > 4
    assert load_settings(path, {}).connectors["file"] == {
        "files": [str(tmp_path / "likes.csv")],
        "map": {"at_ms": "time"},
        "kind": "like",
        "shift_to_now": True,
    }
    assert "resonanz up --config" in path.read_text().splitlines()[1]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StopError, match=r"cannot be written .*; go to a folder where you may"):
        arrange(Wanted(demo=True), tmp_path / "taken")
