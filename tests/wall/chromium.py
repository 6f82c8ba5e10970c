"""The browser that the tests and the pictures use."""

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
MISSING = f"{CHROMIUM} is missing; apt-get install chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
