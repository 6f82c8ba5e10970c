"""``python -m tests.faults [PYTEST ARGUMENTS]``: the long form of every fault; its table goes to FAULTS.md.

Paths among the arguments choose the cases. A run of some cases only replaces their rows.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.faults.report import markdown, read

SIGHTS: Final = Path(".faults.jsonl")
TABLE: Final = Path("FAULTS.md")
CASES: Final = ("tests/faults", "tests/pipeline/test_care_beside.py")
MARK: Final = "<!-- the last run's table -->\n"


def main(arguments: list[str]) -> int:
    """Run pytest over the faults, then write the table."""
    environment = os.environ | {"RESONANZ_FAULTS": str(SIGHTS.absolute())}
    chosen = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
    words = arguments if chosen else [*CASES, *arguments]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], env=environment, check=False)
    if SIGHTS.exists():
        head, _, known = TABLE.read_text(encoding="utf-8").partition(MARK)
        TABLE.write_text(head + MARK + "\n" + markdown(read(SIGHTS), known), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
