"""A worker that stands still inside a flush: ``python -m tests.faults.frozen_worker``.

The real worker with a store around the real store: once, when the file ``--freeze`` is there, it says so
at the beginning of a flush that has rows and sends itself SIGSTOP. Woken, it goes on with that very flush.
With ``--unfenced`` its transactions are its own process's alone, so that nothing shuts them out: what
happens then shows whether a test would see it.
"""

import argparse
import os
import signal
from pathlib import Path

from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.transports.kafka_store import KafkaStore
from resonanz_streams.transports.ports import Flush
from resonanz_streams.worker import run_worker


class FreezingStore(KafkaStore):
    """Stands still once."""

    sign = Path()
    unfenced = False

    def _transactional_id(self, partition: int) -> str:
        own = f"-{os.getpid()}" if self.unfenced else ""
        return super()._transactional_id(partition) + own

    async def flush(self, partition: int, flush: Flush) -> None:
        if flush.rows and self.sign.exists():
            self.sign.unlink()
            os.write(1, b"frozen inside a flush\n")
            os.kill(os.getpid(), signal.SIGSTOP)
        await super().flush(partition, flush)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--freeze", type=Path, required=True)
    parser.add_argument("--unfenced", action="store_true")
    options = parser.parse_args()
    settings = load_settings(options.config, os.environ)
    store = FreezingStore(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    store.sign, store.unfenced = options.freeze, options.unfenced
    run_worker(settings, build_registry(settings), host="127.0.0.1", port=options.port, store=store)


if __name__ == "__main__":
    main()
