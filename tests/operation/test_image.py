"""The Dockerfile: linted, every file that it copies is there, every command that it runs runs here."""

import fnmatch
import json
import sys
from importlib.metadata import version
from pathlib import Path

from tests.operation import dockerfile
from tests.operation.conftest import run
from tests.operation.dockerfile import ROOT


def test_hadolint_finds_nothing() -> None:
    assert run(Path(sys.executable).with_name("hadolint"), dockerfile.DOCKERFILE) == (0, "")


def test_everything_that_is_copied_is_sent_and_there() -> None:
    kept = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    origins = [origin for each, _ in dockerfile.copied() for origin in each]
    assert origins
    for origin in origins:
        assert (ROOT / origin).exists(), origin
        assert any(fnmatch.fnmatch(origin, pattern) for pattern in kept), f"{origin} is not sent"
    assert sorted(kept) == sorted(origins), "more is sent than is copied"


def test_it_runs_as_nobody_and_is_made_in_two_stages() -> None:
    assert dockerfile.one("USER").text == "10001:10001"
    names = [(each.stage, each.name) for each in dockerfile.instructions()]
    assert (0, "RUN") in names
    assert (1, "RUN") not in names


def test_the_wheel_holds_page_demo_and_board(image: Path) -> None:
    asked = (
        "import json, resonanz_streams, resonanz_dashboards, pathlib;"
        "print(json.dumps([resonanz_streams.__file__, resonanz_dashboards.__file__]))"
    )
    code, told = run(image / "python", "-c", asked, folder=Path("/"))
    assert code == 0, told
    streams, dashboards = (Path(found).parent for found in json.loads(told))
    assert streams.is_relative_to(image.parent), "the checkout was imported, not the wheel"
    for path in (
        dashboards / "page" / "index.html",
        dashboards / "boards" / "agency-overview.json",
        streams / "demo" / "agency.yaml",
        streams / "demo" / "agency-kafka.yaml",
    ):
        assert path.is_file(), path


def test_its_entry_point_is_resonanz(image: Path) -> None:
    (entry,) = dockerfile.one("ENTRYPOINT").words
    assert run(image / entry, "--version") == (0, f"resonanz, version {version('resonanz')}\n")


def test_its_command_wants_a_token_before_it_listens_to_others(image: Path, tmp_path: Path) -> None:
    (tmp_path / "resonanz.yaml").write_text("broker: kafka://127.0.0.1:1\npseudonym_key: file:key\n")
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    (entry,) = dockerfile.one("ENTRYPOINT").words
    code, told = run(image / entry, *dockerfile.one("CMD").words, folder=tmp_path)
    assert (code, "agency_token" in told, "Traceback" in told) == (2, True, False), told
