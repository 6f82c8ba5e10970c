"""1000 · I / N."""

import numpy as np
from tests.inputs import columns, inputs_of

from resonanz_streams.kpis.base import REASONS
from resonanz_streams.kpis.interactions_per_potential import KPI


def test_interactions_of_the_people_it_could_reach() -> None:
    found = columns(KPI, inputs_of([(2, 1, 1, 0)], potential=[1200], followers=[300]))[None]
    assert round(float(found.value[0]), 3) == 3.333
    assert round(float(found.lo[0]), 3) == 0.908
    assert round(float(found.hi[0]), 3) == 8.535
    assert (found.numerator.tolist(), found.denominator.tolist()) == ([4.0], [1200.0])


def test_without_a_potential_it_is_absent() -> None:
    found = columns(KPI, inputs_of([(4, 0, 0, 0)], followers=[300]))[None]
    assert np.isnan([found.value[0], found.lo[0], found.hi[0], found.denominator[0]]).all()
    assert [REASONS[code] for code in found.reason] == ["no_potential"]
