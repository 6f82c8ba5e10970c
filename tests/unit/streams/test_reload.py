"""The configuration of a running process: what is taken over, what is refused, and what is waited for."""

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.registry import Registry
from resonanz_streams.reload import Reloader
from resonanz_streams.reload_series import ReloadSeries
from resonanz_streams.settings import Settings

KEY = "0123456789abcdef0123456789abcdef"
ONE = """\
pseudonym_key: ${KEY}
clients:
  bakery:
    name: Bakery
    potential: 1000
    accounts: ["file:a"]
"""


class Process:
    """Something that goes by a configuration file; ``refuses``: why it cannot go by the next."""

    def __init__(self, folder: Path, text: str = ONE) -> None:
        self.path = folder / "resonanz.yaml"
        self.path.write_text(text)
        self.now_ms = 1_000
        self.told: list[str] = []
        self.taken: list[Registry] = []
        self.refuses = ""
        self.reloader = Reloader(self.path, {"KEY": KEY}, clock=lambda: self.now_ms, tell=self.told.append)

    async def take(self, settings: Settings, registry: Registry) -> None:
        del settings
        if self.refuses:
            raise ConfigurationError(self.refuses)
        self.taken.append(registry)

    def look(self, times: int = 1, *, asked: bool = False) -> None:
        for _ in range(times):
            self.now_ms += 2_000
            asyncio.run(self.reloader.look(self.take, asked=asked))

    def accounts(self) -> list[list[str]]:
        """Of each registry that was taken over."""
        return [list(registry.accounts) for registry in self.taken]

    def series(self) -> dict[str, float | None]:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(ReloadSeries(self.reloader))
        names = ("successful", "success_timestamp_seconds")
        return {
            name: registry.get_sample_value(f"resonanz_configuration_last_reload_{name}") for name in names
        }


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


def test_what_is_written_is_taken_over_once_it_rests(process: Process) -> None:
    process.look(3)
    process.path.write_text(ONE.replace('"file:a"', '"file:a", "file:b"'))
    process.look()
    assert process.accounts() == []
    process.look()
    assert process.accounts() == [["file:a", "file:b"]]
    process.look(3)
    assert len(process.taken) == 1
    assert [sentence.partition(";")[0] for sentence in process.told] == [
        f"{process.path} was read again and is in effect: 1 account added"
    ]
    assert process.series() == {"successful": 1.0, "success_timestamp_seconds": 11.0}


def test_a_file_that_is_still_being_written_is_waited_for(process: Process) -> None:
    whole = ONE.replace('["file:a"]', "\n" + "".join(f'      - "file:{n}"\n' for n in range(9)))
    for end in range(len(whole) - 40, len(whole), 10):
        process.path.write_text(whole[:end])
        process.look()
    assert process.taken == []
    process.path.write_text(whole)
    process.look(2)
    assert process.accounts() == [[f"file:{n}" for n in range(9)]]


def test_another_file_in_its_place_is_a_change(process: Process, tmp_path: Path) -> None:
    draft = tmp_path / "resonanz.yaml~"
    draft.write_text(ONE.replace("file:a", "file:b"))
    os.utime(draft, ns=(process.path.stat().st_mtime_ns,) * 2)
    draft.replace(process.path)
    process.look(2)
    assert process.accounts() == [["file:b"]]


def test_who_says_so_need_not_wait(process: Process) -> None:
    process.path.write_text(ONE.replace("file:a", "file:b"))
    process.look(asked=True)
    assert process.accounts() == [["file:b"]]


def test_a_signal_says_so(process: Process) -> None:
    async def scene() -> None:
        taken = asyncio.Event()

        async def take(settings: Settings, registry: Registry) -> None:
            await process.take(settings, registry)
            taken.set()

        running = asyncio.create_task(process.reloader.run(take, every_seconds=3_600))
        process.path.write_text(ONE.replace("file:a", "file:b"))
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(taken.wait(), 60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    assert process.accounts() == [["file:b"]]


class Noting(Registry):
    """Whose successor is made on which thread."""

    threads: ClassVar[list[threading.Thread]] = []

    def by(self, settings: Settings) -> Registry:
        self.threads.append(threading.current_thread())
        return super().by(settings)


def test_the_registry_is_made_beside_the_loop(process: Process) -> None:
    """Long target lists take seconds."""
    process.reloader.registry = Noting(process.reloader.settings, KEY.encode())
    process.path.write_text(ONE.replace("file:a", "file:b"))
    process.look(asked=True)
    assert process.accounts() == [["file:b"]]
    assert len(Noting.threads) == 1
    assert threading.main_thread() not in Noting.threads


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ONE + "clients: [", "resonanz.yaml:7: "),
        (
            ONE.replace("potential: 1000", "potential: 0"),
            "resonanz.yaml:5: clients.bakery.potential: must be",
        ),
        (ONE.replace("Bakery\n", "Bakery\n    time_zone: UTC\n"), "did you mean 'timezone'?"),
        ("", "resonanz.yaml: is empty"),
        ("clients: {}\npseudonym_key: ${KEY}\n", "names no account any more"),
        (ONE + "horizon: 10d\nkpis: [velocity]\n", "horizon and kpis changed, which takes a restart"),
        (ONE.replace("${KEY}", "${OTHER}"), "the environment has no OTHER"),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_told_once(
    process: Process, caplog: pytest.LogCaptureFixture, text: str, sentence: str
) -> None:
    process.path.write_text(text)
    process.look(4)
    assert process.taken == []
    assert list(process.reloader.registry.accounts) == ["file:a"]
    assert [sentence in message for message in caplog.messages] == [True]
    assert KEY not in caplog.text
    assert process.series() == {"successful": 0.0, "success_timestamp_seconds": 1.0}

    process.path.write_text(ONE)
    process.look(2)
    assert process.taken == []
    assert process.series() == {"successful": 1.0, "success_timestamp_seconds": 13.0}
    assert "no client and no account changed" in process.told[-1]


def test_a_file_that_is_away_for_a_moment_changes_nothing(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.path.unlink()
    process.look()
    process.path.write_text(ONE)
    process.look(3)
    assert (process.taken, caplog.messages) == ([], [])
    process.path.unlink()
    process.look(3)
    assert [message.partition("; ")[0].splitlines()[-1] for message in caplog.messages] == [
        f"{process.path}: there is no such file"
    ]


def test_a_list_of_people_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text("ann\n")
    process = Process(tmp_path, ONE + "    target_list: targets.txt\n")
    process.look(3)
    (tmp_path / "targets.txt").write_text("ann\nbea\n")
    process.look(2)
    assert [len(registry.clients["bakery"].targets) for registry in process.taken] == [2]

    (tmp_path / "targets.txt").unlink()
    process.look(2)
    assert not process.reloader.successful
    (tmp_path / "targets.txt").write_text("ann\nbea\ncem\n")
    process.look(2)
    assert [len(registry.clients["bakery"].targets) for registry in process.taken] == [2, 3]
    assert "1 client changed" in process.told[-1]


def test_comments_alone_reach_nobody(process: Process) -> None:
    process.path.write_text("# ours\n" + ONE)
    process.look(3)
    assert (process.taken, process.told) == ([], [])
    process.path.touch()
    process.look(3)
    assert (process.taken, process.told) == ([], [])


def test_what_the_process_refuses_is_not_taken_over(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.refuses = "wall: another viewer has the same token"
    process.path.write_text(ONE.replace("file:a", "file:b"))
    process.look(3)
    assert list(process.reloader.registry.accounts) == ["file:a"]
    assert [message.splitlines()[-1] for message in caplog.messages] == [process.refuses]


def test_people_keep_their_pseudonyms_whatever_becomes_of_the_key_file(tmp_path: Path) -> None:
    process = Process(tmp_path, ONE.replace("pseudonym_key: ${KEY}\n", ""))
    before = process.reloader.registry.pseudonym("bakery", "ann")
    (tmp_path / "resonanz.key").unlink()
    process.path.write_text(ONE.replace("pseudonym_key: ${KEY}\n", "").replace("file:a", "file:b"))
    process.look(2)
    assert process.taken[0].pseudonym("bakery", "ann") == before
    assert not (tmp_path / "resonanz.key").exists()


def test_added_removed_and_changed_are_counted_without_naming_anybody(process: Process) -> None:
    more: dict[str, Any] = {"accounts": '["file:b", {id: "file:c", handle: secret.example}]'}
    process.path.write_text(
        ONE.replace("potential: 1000", "potential: 1200").replace('["file:a"]', more["accounts"])
        + "  theatre: {name: Theatre}\n"
    )
    process.look(2)
    changes = "1 client added, 1 client changed, 2 accounts added, 1 account removed"
    assert changes in process.told[0]
    assert "secret" not in process.told[0]
