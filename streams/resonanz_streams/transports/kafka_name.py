"""A worker's name in its group: each heartbeat asks whether somebody else has taken it.

aiokafka's own heartbeats carry no name. Kafka then answers a member whose name was taken like one whose
session has ended, and aiokafka joins again: it takes the name back, from a worker that believes to own
the same partitions.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatRequest_v1
from aiokafka.protocol.types import Int16, Int32, Schema, String

_FENCED_INSTANCE_ID: Final = 82
"""Kafka's error code; aiokafka does not know it."""


class _NamedHeartbeatResponse(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _NamedHeartbeat(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _NamedHeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class NamedHeartbeat(Request[HeartbeatRequest_v1 | _NamedHeartbeat]):  # type: ignore[misc]  # as above
    """A heartbeat with the member's name; without it for brokers before 2.3, which know no names."""

    API_KEY = 12

    def __init__(self, group: str, generation: int, member: str, name: str) -> None:
        self._words = group, generation, member
        self._name = name

    def build(self, request_struct_class: type[Any]) -> Any:
        """See aiokafka."""
        if request_struct_class is _NamedHeartbeat:
            return _NamedHeartbeat(*self._words, self._name)
        return request_struct_class(*self._words)


def watch_name(coordinator: Any, name: str, taken: Callable[[], None]) -> None:
    """Call ``taken`` once Kafka says that another member has ``name``; this one then never joins again."""
    send = coordinator._send_req  # noqa: SLF001

    async def named(request: Any) -> Any:
        if isinstance(request, HeartbeatRequest):
            request = NamedHeartbeat(
                coordinator.group_id, coordinator.generation, coordinator.member_id, name
            )
        answer = await send(request)
        if getattr(answer, "error_code", 0) != _FENCED_INSTANCE_ID:
            return answer
        taken()
        # To join again would throw the other out in its turn.
        await asyncio.wait([coordinator._closing])  # noqa: SLF001
        raise KafkaError(f"another member has the name {name}")

    coordinator._send_req = named  # noqa: SLF001
