"""One target under the coverage-guided fuzzer: ``python -m tests.fuzz TARGET RUNS SEED FOLDER``.

It ends with an error on the first input that raises something else than the target allows, runs longer
than ten seconds or lets memory grow beyond its limit; that input is left in FOLDER.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["resonanz_streams", "resonanz_connectors"]):
    from tests.fuzz.targets import targets

HANG_SECONDS = 10
RSS_LIMIT_MB = 600
LONGEST = 512


def main(name: str, runs: int, seed: int, folder: Path) -> None:
    target, seeds = targets()[name]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(seeds):
        (corpus / str(number)).write_bytes(data)
    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-verbosity=0",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
