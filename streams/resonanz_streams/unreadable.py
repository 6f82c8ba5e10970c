"""What decoding somebody else's bytes may raise."""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""msgspec looks into a string's encoding only where it needs the string, and nests as deep as the stack."""
