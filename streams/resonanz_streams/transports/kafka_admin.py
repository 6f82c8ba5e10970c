"""Topics on Kafka: made with the right settings, or checked and complained about."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    TopicAlreadyExistsError,
    for_code,
)

from resonanz_streams.errors import GROWN, RetryError
from resonanz_streams.topics import TopicSpec
from resonanz_streams.transports.kafka_consumer import end
from resonanz_streams.transports.kafka_reach import reach, told
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Admin

SECONDS: Final = 20.0
_MOST_REPLICAS: Final = 3
_READY_SECONDS: Final = 10.0
_COORDINATOR_SECONDS: Final = 10.0
_STARTING: Final = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)
Result = TypeVar("Result")


class KafkaAdmin(Admin):
    """ports.Admin. Each call connects anew, in a thread of its own: it may be made from anywhere.

    Every method raises RetryError when the broker is away, ConfigurationError when it does not let us in,
    StopError when it forbids what is asked.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        self._target = parse(url)
        self._prefix = prefix
        self._thread = ThreadPoolExecutor(1, "kafka-admin")
        # A broker that is away or does not let us in is known at once.
        self._thread.submit(asyncio.run, reach(self._target)).result()

    def run(self, call: Callable[[Any], Awaitable[Result]]) -> Result:
        """What ``call`` answers, given an admin client that is connected."""

        async def connected() -> Result:
            try:
                async with asyncio.timeout(SECONDS), self.connected(AIOKafkaAdminClient) as client:
                    return await call(client)
            except (KafkaError, TimeoutError) as error:
                raise await told(self._target, error) from None

        return self._thread.submit(asyncio.run, connected()).result()

    @contextlib.asynccontextmanager
    async def connected(self, client: type[Any]) -> AsyncIterator[Any]:
        """A client of this class, started and in the end closed."""
        connection = client(**self._target.client_settings(), client_id="resonanz", request_timeout_ms=10_000)
        try:
            await connection.start()
            yield connection
        finally:
            await (end(connection) if client is AIOKafkaConsumer else connection.close())

    def ensure(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """See ports.Admin. As many replicas as there are brokers, three at most."""

        async def ensured(client: Any) -> Sequence[str]:
            counts = await self._partition_counts(client, specs)
            missing = [spec for spec in specs if self._prefix + spec.name not in counts]
            if missing:
                await self._create(client, missing, partitions)
            return await self._checked(client, specs, partitions)

        return self.run(ensured)

    async def _create(self, client: Any, specs: Sequence[TopicSpec], partitions: int) -> None:
        brokers = len((await client.describe_cluster())["brokers"])
        topics = [
            NewTopic(
                self._prefix + spec.name,
                spec.partitions or partitions,
                min(_MOST_REPLICAS, brokers),
                topic_configs=spec.kafka_config(),
            )
            for spec in specs
        ]
        answer = await client.create_topics(topics)
        for name, code, message in answer.topic_errors:
            # Another process may be making some of them at this moment.
            if code not in {0, TopicAlreadyExistsError.errno}:
                raise for_code(code)(f"topic {name} cannot be made: {message}")
        loop = asyncio.get_running_loop()
        until = loop.time() + _READY_SECONDS
        while len(await self._partition_counts(client, specs)) < len(specs) and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the cluster tells nobody: it must be asked

    def check(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """See ports.Admin."""
        return self.run(lambda client: self._checked(client, specs, partitions))

    async def _checked(self, client: Any, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        counts = await self._partition_counts(client, specs)
        settings = await settings_of(client, list(counts))
        sentences = []
        for spec in specs:
            name = self._prefix + spec.name
            if name not in counts:
                sentences.append(self._target.lacks(name))
                continue
            if counts[name] != (spec.partitions or partitions):
                sentences.append(_wrong_count(name, counts[name], spec, partitions))
            # A part that may not see them leaves them to those who may.
            sentences.extend(
                _wrong_settings(self._target.altering(name), name, settings[name], spec)
                if settings[name]
                else ()
            )
        return sentences

    async def _partition_counts(self, client: Any, specs: Sequence[TopicSpec]) -> dict[str, int]:
        """Of the topics that can be used: every partition has a leader."""
        names = {self._prefix + spec.name for spec in specs}
        # All are asked for: some brokers would make a topic that is asked for by name.
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in await client.describe_topics()
            if topic["topic"] in names
            and topic["partitions"]
            and all(part["leader"] >= 0 for part in topic["partitions"])
        }

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """See ports.Admin."""

        async def ends(client: Any) -> Mapping[int, int]:
            name = self._prefix + topic
            known = {found["topic"]: found["partitions"] for found in await client.describe_topics()}
            places = [TopicPartition(name, part["partition"]) for part in known.get(name, ())]
            if not places:
                return {}
            async with self.connected(AIOKafkaConsumer) as consumer:
                found = await consumer.end_offsets(places)
            return {place.partition: found[place] for place in sorted(places)}

        return self.run(ends)

    def members(self, group: str) -> Sequence[str]:
        """See ports.Admin. One that was killed stays until its session ends."""

        return [member[0] for member in self.described(group)]

    def described(self, group: str) -> Sequence[Sequence[Any]]:
        """The members of a group as its coordinator describes them."""

        async def asked(client: Any) -> Sequence[Sequence[Any]]:
            async def ask() -> Sequence[Any]:
                (answer,) = await client.describe_consumer_groups([group])
                return answered(answer.groups[0])

            (members,) = await patiently(ask)
            return list(members)

        return self.run(asked)

    def close(self) -> None:
        """See ports.Admin."""
        self._thread.shutdown()


async def patiently(ask: Callable[[], Awaitable[Result]]) -> Result:
    """The first answer that is not empty: a group's coordinator may just be starting.

    Raises:
        RetryError: there is none for too long.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _COORDINATOR_SECONDS
    while loop.time() < until:
        with contextlib.suppress(*_STARTING):
            if found := await ask():
                return found
        await asyncio.sleep(0.2)
    raise RetryError("the group's coordinator does not answer; try again, or look at the broker's log")


def answered(group: Sequence[Any]) -> Sequence[Any]:
    """The members of a described group, alone in a sequence; the driver does not look at the answer's code.

    Raises:
        KafkaError: what the code stands for: who may not see a group, or asks too early, sees no members.
    """
    code, name, *_, members = group[:6]
    if code:
        raise for_code(code)(name)
    return [members]


async def settings_of(client: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of these topics; none of those that this user may not see."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    (answer,) = await client.describe_configs(resources)
    return {
        name: {entry[0]: str(entry[1]) for entry in entries}
        for _code, _message, _type, name, entries in answer.resources
    }


def _wrong_count(name: str, found: int, spec: TopicSpec, partitions: int) -> str:
    wanted = spec.partitions or partitions
    if spec.partitions:
        return f"topic {name} has {found} partitions, it must have {wanted}; use another topic_prefix"
    return (
        f"topic {name} has {found} partitions, the configuration says {wanted}; write partitions: {found} "
        f"if it was made so; {GROWN}"
    )


def _wrong_settings(alter: str, name: str, found: Mapping[str, str], spec: TopicSpec) -> Iterator[str]:
    """Settings that lose data or would let nobody write; the others are the operator's choice."""
    wanted = spec.kafka_config()
    cleanup = found.get("cleanup.policy")
    if cleanup != spec.cleanup:
        yield (
            f"topic {name} has cleanup.policy {cleanup}, it must be {spec.cleanup}; "
            f"mend it with: {alter} cleanup.policy={spec.cleanup}"
        )
    size = found.get("max.message.bytes", "")
    if size.isdigit() and int(size) < int(wanted["max.message.bytes"]):
        least = wanted["max.message.bytes"]
        yield (
            f"topic {name} takes records of {size} bytes, it must take {least}; "
            f"mend it with: {alter} max.message.bytes={least}"
        )
    kept = found.get("retention.ms", "")
    if spec.cleanup == "delete" and kept.isdigit() and int(kept) < int(wanted["retention.ms"]):
        least = wanted["retention.ms"]
        yield (
            f"topic {name} keeps records for {int(kept) // 3_600_000} h, the windows and rebuild need "
            f"{int(least) // 3_600_000} h; mend it with: {alter} retention.ms={least}"
        )
