"""What a fuzzer found, again and again without it: ``python -m tests.fuzz.again TARGET FOLDER INPUTS``.

The fuzzer itself keeps what it learns, so memory is looked at here: it prints MB after the first round
over all that was found, and after the last.
"""

import itertools
import sys
from pathlib import Path

import psutil

from tests.fuzz.targets import targets


def main(name: str, folder: Path, inputs: int) -> None:
    target, _ = targets()[name]
    found = [path.read_bytes() for path in sorted(folder.iterdir())]
    process = psutil.Process()
    for data in itertools.islice(itertools.cycle(found), max(len(found), inputs // 5)):
        target(data)
    first = process.memory_info().rss
    for data in itertools.islice(itertools.cycle(found), inputs):
        target(data)
    print(f"{first / 2**20:.2f} {process.memory_info().rss / 2**20:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
