"""When a warm-up has ended: series with and without a change at their end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.latency.statistics import t_quantile
from harness.latency.steady import WINDOW, pettitt, steady

RNG = np.random.default_rng(7)


def noise(count: int, part: float = 0.02) -> np.ndarray:
    """Return times around 1 with skewed noise, as schedulers make it."""
    return np.exp(RNG.normal(0.0, part, count)) + RNG.exponential(0.05, count) * (RNG.random(count) < 0.1)


def test_a_short_series_is_never_steady() -> None:
    assert not steady([1.0] * (WINDOW - 1)).found


def test_constant_times_are_steady() -> None:
    found = steady([1.0] * WINDOW)
    assert found.found
    assert found.p == 1.0


def test_a_step_in_the_window_is_found_where_it_is() -> None:
    series = [*noise(30, 0.005), *(1.3 * noise(8, 0.005))]
    found = steady(series)
    assert not found.found
    assert abs(found.at - 30) <= 1
    assert found.shift == pytest.approx(0.3, abs=0.1)


def test_a_step_that_left_the_window_does_not_count() -> None:
    assert steady([*(5.0 * noise(10)), *([1.0] * WINDOW)]).found


def test_a_steady_fall_is_not_steady() -> None:
    assert not steady(list(np.linspace(2.0, 1.0, WINDOW))).found


def test_a_change_below_what_is_reported_is_none() -> None:
    assert steady([1.0] * 8 + [1.005] * 8).found
    assert not steady([1.0] * 8 + [1.05] * 8).found


def test_noise_alone_is_mostly_steady() -> None:
    found = [steady(list(noise(WINDOW))).found for _ in range(200)]
    assert np.mean(found) > 0.85


def test_a_jump_is_mostly_found() -> None:
    found = [steady([*noise(8), *(1.5 * noise(8))]).found for _ in range(200)]
    assert np.mean(found) < 0.05


def test_pettitt_on_the_series_of_a_textbook() -> None:
    """Perfectly sorted: ranks 1..8, U[4] = 2 * 10 - 4 * 9 = -16, p = 2 exp(-6 * 256 / (512 + 64))."""
    at, p = pettitt(list(range(8)))
    assert at == 4
    assert p == pytest.approx(2 * np.exp(-6 * 256 / 576))


def test_equal_values_share_their_ranks() -> None:
    assert pettitt([1.0, 1.0, 1.0, 1.0])[1] == 1.0


@pytest.mark.parametrize("freedom", [1.0, 2.5, 6.0, 40.0])
@pytest.mark.parametrize("probability", [0.5, 0.95, 0.975, 0.99])
def test_quantiles_of_t_are_those_of_scipy(probability: float, freedom: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-5, abs=1e-6)
