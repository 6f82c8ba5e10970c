"""What a run brings that the state does not hold yet."""

from dataclasses import replace

from resonanz_streams.transports.ports import Run


def unread(run: Run, known: int | None) -> tuple[Run, int]:
    """The run without its records below ``known``, the next offset (None: nothing was ever read), and how
    many records before its first one retention has removed."""
    offsets = run.offsets
    if not offsets:
        return run, 0
    if known is not None and offsets[0] < known:
        new = next((i for i, offset in enumerate(offsets) if offset >= known), len(offsets))
        return replace(run, values=run.values[new:], offsets=offsets[new:]), 0
    return run, offsets[0] - run.first_offset if run.first_offset > 0 else 0
