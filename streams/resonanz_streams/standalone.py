"""The app that ``faust -A resonanz_streams.worker worker`` runs."""

import os
from pathlib import Path

from resonanz_streams.app import ResonanzApp, build_app
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.worker import Worker


def configured_app() -> ResonanzApp:
    """An app from the file that RESONANZ_CONFIG names (default resonanz.yaml), with everything that a
    worker runs beside it; /metrics on RESONANZ_PORT (default 9464).

    Raises:
        ConfigurationError: the configuration is wrong.
    """
    settings = load_settings(Path(os.environ.get("RESONANZ_CONFIG", "resonanz.yaml")), os.environ)
    port = int(os.environ.get("RESONANZ_PORT", "9464"))
    worker = Worker(settings, build_registry(settings), host="127.0.0.1", port=port)
    app = build_app(settings, worker.pipeline)

    @app.task  # type: ignore[untyped-decorator]  # Faust ships no types
    async def beside() -> None:
        await worker.accompany(app)

    return app
