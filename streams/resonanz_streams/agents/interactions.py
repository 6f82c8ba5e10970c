"""The agent behind likes, comments, shares and audience: it hands each run to the pipeline."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from resonanz_streams.topics import COUNTED_TOPICS
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.runs import RunSchema

if TYPE_CHECKING:
    from resonanz_streams.app import ResonanzApp


def attach(app: "ResonanzApp", *, prefix: str) -> None:
    """Register the agent with ``app``.

    One agent instance reads all topics, so that runs of a partition arrive in offset order.
    """
    topic = app.topic(*(prefix + name for name in COUNTED_TOPICS), schema=RunSchema())

    async def interactions(runs: AsyncIterator[Run]) -> None:
        async for run in runs:
            await app.pipeline.apply(run)

    app.agent(topic, name="interactions")(interactions)
