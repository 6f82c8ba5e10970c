"""From a broker URL to its parts. Drivers are imported only when their scheme is used."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.transports.ports import Admin, Archive, StateStore, Tail


def scheme_of(url: str) -> str:
    """``sqlite`` or ``kafka``.

    Raises:
        ConfigurationError: any other URL.
    """
    scheme = urlsplit(url).scheme
    if scheme not in {"sqlite", "kafka"}:
        raise ConfigurationError(
            f"broker: {scheme or 'no'} scheme is not known; write sqlite:///resonanz.db or kafka://host:9092"
        )
    return scheme


def faust_broker(url: str) -> str | list[str]:
    """What Faust is given as its broker.

    Raises:
        ConfigurationError: the URL is not one of ours.
    """
    if scheme_of(url) == "sqlite":
        return url
    from resonanz_streams.transports.kafka_url import faust_urls, parse

    return faust_urls(parse(url))


def open_store(url: str, *, prefix: str = "", group: str = "resonanz", anew: bool = False) -> StateStore:
    """The state store of a worker. ``anew``: of who throws the state away, so that nothing in it matters."""
    if scheme_of(url) == "sqlite":
        from resonanz_streams.transports.sqlite_store import SqliteStore

        return SqliteStore(url, prefix=prefix, group=group, anew=anew)
    from resonanz_streams.transports.kafka_store import KafkaStore

    return KafkaStore(url, prefix=prefix, group=group, anew=anew)


def open_archive(url: str, *, prefix: str = "", group: str = "resonanz") -> Archive:
    """A reader of a group's state and of the log that it was counted from."""
    if scheme_of(url) == "sqlite":
        from resonanz_streams.transports.sqlite_archive import SqliteArchive

        return SqliteArchive(url, prefix=prefix, group=group)
    from resonanz_streams.transports.kafka_archive import KafkaArchive

    return KafkaArchive(url, prefix=prefix, group=group)


def open_tail(url: str, topics: Sequence[str], *, prefix: str = "", asking: bool = False) -> Tail:
    """A reader of whole topics. ``asking``: of who only asks what is there, and must not begin a database.

    Raises:
        StopError: the log cannot be used, or, where one only asks, there is none.
    """
    if scheme_of(url) == "sqlite":
        from resonanz_streams.transports.sqlite_store import SqliteTail

        return SqliteTail(url, topics, prefix=prefix, asking=asking)
    from resonanz_streams.transports.kafka_tail import KafkaTail

    return KafkaTail(url, topics, prefix=prefix)


def open_admin(url: str, *, prefix: str = "") -> Admin:
    """Creates and checks topics."""
    if scheme_of(url) == "sqlite":
        from resonanz_streams.transports.sqlite_store import SqliteAdmin

        return SqliteAdmin(url, prefix=prefix)
    from resonanz_streams.transports.kafka_admin import KafkaAdmin

    return KafkaAdmin(url, prefix=prefix)
