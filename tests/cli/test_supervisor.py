"""The supervisor's own promises, with one real part."""

import asyncio
from pathlib import Path

from tests.processes import free_port

from resonanz_streams.arrangement import Wanted, arrange
from resonanz_streams.supervisor import Part, Supervisor


def test_a_stop_while_a_part_is_being_started_ends_it_too(tmp_path: Path) -> None:
    config = tmp_path / "resonanz.yaml"
    config.write_text("clients: {c: {name: C, accounts: ['file:a']}}\n")
    part = Part("worker", ["worker", "--config", str(config), "--port", str(free_port())])
    said: list[str] = []

    async def stopped_at_once() -> int:
        supervisor = Supervisor([part], said.append)
        running = asyncio.create_task(supervisor.run())
        # One turn of the loop: the process has been asked for and is not there yet.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert part.process is None
        supervisor.stop()
        return await asyncio.wait_for(running, 20)

    assert asyncio.run(stopped_at_once()) == 0
    assert part.process is not None
    assert part.process.returncode is not None
    assert said == []


def test_a_part_whose_work_is_done_before_its_grace_time_has_started(tmp_path: Path) -> None:
    file = tmp_path / "likes.csv"
    file.write_text("id,at_ms,kind,account\n1,1700000000000,like,file:a\n")
    config = arrange(Wanted(files=[file], file_accounts=["file:a"]), tmp_path)
    # Longer than a test may take: only its end can say that it has started.
    part = Part("connect", ["connect", "--config", str(config)], grace_seconds=3600, ends=True)
    said: list[str] = []

    async def until_it_has_started() -> bool:
        supervisor = Supervisor([part], said.append)
        running = asyncio.create_task(supervisor.run())
        started = await asyncio.wait_for(supervisor.started(), 60)
        supervisor.stop()
        assert await running == 0
        return started

    assert asyncio.run(until_it_has_started())
    assert said == ["connect has ended: its work is done."]


def test_a_part_whose_work_is_done_begins_again_when_there_is_more(tmp_path: Path) -> None:
    file = tmp_path / "likes.csv"
    file.write_text("id,at_ms,kind,account\n1,1700000000000,like,file:a\n")
    config = arrange(Wanted(files=[file], file_accounts=["file:a"]), tmp_path)
    part = Part("connect", ["connect", "--config", str(config)], ends=True, asleep=True)
    said: list[str] = []
    done = asyncio.Event()

    def say(sentence: str) -> None:
        said.append(sentence)
        done.set()

    async def twice() -> int:
        supervisor = Supervisor([part], say)
        running = asyncio.create_task(supervisor.run())
        assert await asyncio.wait_for(supervisor.started(), 60)
        assert part.process is None
        for _ in range(2):
            done.clear()
            part.wake.set()
            await asyncio.wait_for(done.wait(), 60)
        supervisor.stop()
        return await asyncio.wait_for(running, 20)

    assert asyncio.run(twice()) == 0
    assert said == ["connect has ended: its work is done."] * 2
