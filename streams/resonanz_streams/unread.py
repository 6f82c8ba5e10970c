"""What a run brings that the state does not hold yet."""

from dataclasses import replace

from resonanz_streams.transports.ports import Run


def unread(run: Run, known: int | None) -> tuple[Run, int]:
    """The run without its records below ``known``, the next offset (None: nothing was ever read), and how
    many of those beyond it retention has removed."""
    known = run.first_offset if known is None else known
    lost = max(0, run.first_offset + run.lost - max(known, run.first_offset))
    if run.offsets and run.offsets[0] < known:
        new = next((i for i, offset in enumerate(run.offsets) if offset >= known), len(run.offsets))
        return replace(run, values=run.values[new:], offsets=run.offsets[new:]), lost
    return run, lost
