"""Publishes numbered lines: ``python -m tests.pipeline.appending URL PREFIX NAME LINES``."""

import sys

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.transports.ports import Outgoing

TOPICS = ("likes", "comments", "shares", "audience")


def lines_of(name: str, count: int) -> list[bytes]:
    return [f'{{"id":"{name}-{number}"}}'.encode() for number in range(count)]


def main() -> None:
    url, prefix, name, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    publisher = open_publisher(url, prefix=prefix)
    lines = lines_of(name, count)
    for start in range(0, count, 500):
        publisher.publish(
            [
                Outgoing(TOPICS[number % 4], f"file:{name}{number % 17}".encode(), line)
                for number, line in enumerate(lines[start : start + 500], start)
            ]
        )
        publisher.flush()
    publisher.close()


if __name__ == "__main__":
    main()
