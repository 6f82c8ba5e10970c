"""A worker that says, when it has ended, how far it had read: ``python -m tests.faults.telling_worker``.

The last line of its output is JSON: the next offset per "topic/partition" that its engines stood at.
"""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.worker import Worker


async def run(config: Path, port: int) -> dict[str, int]:
    """Until SIGTERM."""
    settings = load_settings(config, os.environ)
    worker = Worker(settings, build_registry(settings), host="127.0.0.1", port=port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    pipeline, read = worker.pipeline, {}
    drop = pipeline._drop

    def remembered(partition: int) -> None:
        read.update(pipeline.positions())
        drop(partition)

    pipeline._drop = remembered  # type: ignore[method-assign]
    await worker.run()
    read.update(pipeline.positions())
    return {f"{topic}/{partition}": offset for (topic, partition), offset in read.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(run(options.config, options.port))), flush=True)


if __name__ == "__main__":
    main()
