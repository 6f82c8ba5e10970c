"""``python -m resonanz_streams`` is ``resonanz``."""

from resonanz_streams.cli import main

main()
