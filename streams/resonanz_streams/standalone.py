"""The app that ``faust -A resonanz_streams.worker worker`` runs."""

import os
from pathlib import Path

from resonanz_streams.app import ResonanzApp, build_app
from resonanz_streams.reload import Reloader
from resonanz_streams.worker import Worker


def configured_app() -> ResonanzApp:
    """An app from the file that RESONANZ_CONFIG names (default resonanz.yaml), with everything that a
    worker runs beside it; /metrics on RESONANZ_PORT (default 9464).

    Raises:
        ConfigurationError: the configuration is wrong.
    """
    reloader = Reloader(Path(os.environ.get("RESONANZ_CONFIG", "resonanz.yaml")), os.environ)
    settings = reloader.settings
    port = int(os.environ.get("RESONANZ_PORT", "9464"))
    worker = Worker(settings, reloader.registry, host="127.0.0.1", port=port, reloader=reloader)
    app = build_app(settings, worker.pipeline)

    @app.task  # type: ignore[untyped-decorator]  # Faust ships no types
    async def beside() -> None:
        await worker.accompany(app)

    return app
