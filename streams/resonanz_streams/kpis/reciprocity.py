"""Whether it is a conversation: threads in which the audience answered our answer."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, net_of, share_column, why
from resonanz_streams.net.table import distinct
from resonanz_streams.net.talk import counted, talk
from resonanz_streams.net_states import Flags, Places


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Threads of the window that go other → own → other / all threads with an audience comment, Wilson.

    A comment by the audience on an own comment that answers a comment by the audience: all three stand, the
    last one within the window. A thread belongs to the window by its audience comments; totals are left out.
    """
    table = net_of(inputs)
    said = table.once(talk)
    other, own = said.asked, said.stands & said.own
    returned = other & _among(own & _among(other, said.parent), said.parent)
    recent = said.at_ms > inputs.start_ms(window)
    counts = []
    for chosen in (recent & returned, recent & other):
        accounts, _ = distinct(said.accounts[chosen], said.threads[chosen])
        counts.append(counted(accounts, table.size).astype(float))
    return [share_column(None, counts[0], counts[1], missing=why(NO_COMMENTS, inputs, window))]


def _among(flags: Flags, places: Places) -> Flags:
    """Whether the flag at each place is set; at no place it is not."""
    return np.append(flags, False)[np.where(places >= 0, places, len(flags))]


KPI = Kpi(
    id="reciprocity",
    unit="ratio",
    help="Share of threads in which the audience answered an own answer.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    group="dialogue",
    formula="threads that go audience → own → audience, the last one in the window / threads with an "
    "audience comment in the window",
    numerator="threads in which the audience answered an own answer",
    denominator="threads",
    interval="Wilson",
    merge="share",
)
