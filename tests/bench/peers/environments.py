"""Where peers live: environments of their own under .peers/, since their dependencies contradict ours.

Made when the bench asks for them, from the pinned requirements beside the peer's module.
"""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from tests.kafka_server import ROOT, KafkaUnavailableError, fetch_jars

PEERS: Final = ROOT / ".peers"
HERE: Final = Path(__file__).parent
STREAMS: Final = HERE / "streams"
JDK: Final = "apt-get install default-jdk-headless maven"


class PeerUnavailableError(Exception):
    """A peer cannot be had here; the message names the command that would bring it."""


@cache
def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there.

    Raises:
        PeerUnavailableError: it cannot be installed.
    """
    wanted, folder = HERE / f"{peer}.txt", PEERS / peer
    installed = folder / "installed.txt"  # written last: what was broken off is made anew
    python = folder / "bin" / "python"
    if installed.exists() and installed.read_bytes() == wanted.read_bytes():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            requirements = wanted.relative_to(ROOT)
            asked = f"python3 -m venv .peers/{peer} && .peers/{peer}/bin/pip install -r {requirements}"
            last = (done.stderr.strip().splitlines() or ["?"])[-1]
            raise PeerUnavailableError(f"cannot be installed ({last}); try: {asked}")
    shutil.copy(wanted, installed)
    return python


@cache
def java_of_streams(classes: Path) -> list[str]:
    """The command that runs Kafka Streams' count, which is compiled into ``classes``.

    Raises:
        PeerUnavailableError: no Java, no compiler, no Maven, or Maven cannot fetch.
    """
    if shutil.which("javac") is None:
        raise PeerUnavailableError(f"needs a Java compiler; install it with: {JDK}")
    try:
        jars = fetch_jars(STREAMS / "pom.xml")
    except KafkaUnavailableError as error:
        raise PeerUnavailableError(str(error)) from None
    command = ["javac", "-cp", f"{jars}/*", "-d", str(classes), str(STREAMS / "Count.java")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise PeerUnavailableError(f"cannot be compiled: {done.stderr.strip()[:500]}")
    return ["java", "-Xmx1g", "-cp", f"{jars}/*:{classes}", "Count"]
