"""Draws: the right distribution, and the same wherever they are asked for."""

import numpy as np
import pytest

from resonanz_connectors.simulator_draws import below, exponential, normal, poisson, uniform

KEYS = below(np.array([42], dtype=np.uint64), np.arange(200_000, dtype=np.uint64))


def test_draws_are_fixed_for_ever() -> None:
    assert uniform(KEYS[:3], "test").round(6).tolist() == [0.282554, 0.069704, 0.502489]


def test_a_draw_does_not_depend_on_its_neighbours() -> None:
    means = np.full(1000, 3.0)
    assert (poisson(KEYS[:1000], "n", means)[500:] == poisson(KEYS[500:1000], "n", means[500:])).all()


@pytest.mark.parametrize("mean", [0.01, 0.7, 4.0, 49.0, 51.0, 3000.0])
def test_poisson_has_its_mean_and_variance(mean: float) -> None:
    counts = poisson(KEYS, "n", np.full(len(KEYS), mean))
    assert counts.min() >= 0
    assert abs(counts.mean() - mean) < 5 * (mean / len(KEYS)) ** 0.5
    assert counts.var() == pytest.approx(mean, rel=0.1)


def test_purposes_are_independent() -> None:
    assert abs(np.corrcoef(uniform(KEYS, "a"), uniform(KEYS, "b"))[0, 1]) < 0.01
    assert abs(normal(KEYS, "z").mean()) < 0.01
    assert normal(KEYS, "z").std() == pytest.approx(1, rel=0.01)


def test_an_exponential_is_cut_off() -> None:
    drawn = exponential(KEYS, "delay", 10.0, 30.0)
    assert drawn.min() >= 0
    assert drawn.max() <= 30.0
    assert drawn.mean() == pytest.approx(10 - 30 / (np.e**3 - 1), rel=0.02)
