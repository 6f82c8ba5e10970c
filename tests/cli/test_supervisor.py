"""The supervisor's own promises, with one real part."""

import asyncio
from pathlib import Path

from tests.processes import free_port

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
