"""Windows: equal to what is computed from all readings at once, however these were cut and in whatever order."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from random import Random

import pytest
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import CubicallyInterpolatedMapping
from ddsketch.store import CollapsingLowestDenseStore
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.windows.exact import ExactSum, total
from telemetry.windows.sketch import MOST_BINS, RELATIVE_ERROR, Sketch, packed, places, unpacked
from telemetry.windows.window import QUANTILES, Moment, Window, merged, window_of

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SENSED = st.one_of(FLOATS, st.floats(-50, 50), st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, 0.1]))
VALUES = st.lists(SENSED, min_size=1, max_size=60)
LARGEST = Fraction(sys.float_info.max)
SMALLEST = 2.3e-308
LARGEST_IN_SKETCH = 1.77e308
CLOSEST = 6e8


def window(values: Sequence[float], first: int = 0) -> Window:
    moments: list[Moment] = [(first + place, place, value) for place, value in enumerate(values)]
    return window_of(moments, places(values))


def cut(values: Sequence[float], seed: int) -> list[Window]:
    """Windows of pieces, in any order; each reading keeps its time."""
    random = Random(seed)
    moments: list[Moment] = [(place, place, value) for place, value in enumerate(values)]
    random.shuffle(moments)
    ends = sorted({*random.choices(range(len(moments) + 1), k=3), 0, len(moments)})
    pieces = [sorted(moments[first:last]) for first, last in pairwise(ends)]
    return [window_of(piece, places([value for _, _, value in piece])) for piece in pieces]


def nearest(exact: Fraction) -> float | None:
    """The nearest float; one may be there also a little beyond the largest."""
    try:
        return float(exact)
    except OverflowError:
        return None


@given(VALUES)
@example([-1.0, -1e308, -LARGEST, 1e308])
def test_a_sum_is_that_of_fsum_and_where_that_gives_up_the_exact_one(values: Sequence[float]) -> None:
    found = ExactSum.of(values)
    assert found.factor * Fraction(2) ** found.exponent == sum(map(Fraction, values))
    try:
        assert found.rounded == math.fsum(values)
    except OverflowError:
        assert found.rounded == nearest(sum(map(Fraction, values), Fraction(0)))


@given(VALUES, st.integers())
def test_a_sum_is_the_same_in_pieces_and_reads_back(values: Sequence[float], seed: int) -> None:
    shuffled = list(values)
    Random(seed).shuffle(shuffled)
    middle = len(values) // 2
    found = total([ExactSum.of(shuffled[middle:]), ExactSum.of(shuffled[:middle])])
    assert found == ExactSum.of(values) == ExactSum.read(found.text)


def test_a_sum_beyond_the_largest_float_has_no_value_but_a_mean() -> None:
    found = window([1e308, 1e308])
    assert found.sum is None
    assert found.mean == 1e308
    assert merged(found, window([-1e308])).sum == 1e308


def test_a_sum_stays_small() -> None:
    random = Random(1)
    values = [random.choice([1, -1]) * random.uniform(0.5, 1) * 2.0 ** random.randint(-1000, 1000) for _ in range(9999)]
    assert len(ExactSum.of(values).text) < 540
    assert len(ExactSum.of([round(random.gauss(20, 3), 2) for _ in range(9999)]).text) < 24


@given(VALUES, st.integers())
def test_windows_of_the_same_readings_are_equal(values: Sequence[float], seed: int) -> None:
    pieces = cut(values, seed)
    assert merged(*pieces) == reduce(merged, pieces) == window(values)


@given(VALUES)
def test_a_window_says_what_its_readings_say(values: Sequence[float]) -> None:
    found = window(values)
    assert (found.count, found.low, found.high) == (len(values), min(values), max(values))
    assert (found.first[2], found.last[2]) == (values[0], values[-1])
    assert Window.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("values", [[0.0, -0.0], [-0.0, 0.0], [-0.0]])
def test_a_zero_has_one_sign_whatever_came_first(values: Sequence[float]) -> None:
    """So the rows of the same readings are the same bytes."""
    found = window(values)
    assert (str(found.low), str(found.high)) == ("0.0", "0.0")


def test_values_beyond_what_a_sketch_tells_apart_are_in_its_last_bin() -> None:
    largest = sys.float_info.max
    for sign in (1, -1):
        assert places([sign * largest]) == places([sign * CubicallyInterpolatedMapping(RELATIVE_ERROR).max_possible])
    assert window([-largest, largest]).quantiles([0.0, 1.0]) == pytest.approx([-largest, largest], rel=0.02)


@given(VALUES, st.integers())
def test_a_quantile_is_as_close_as_stated(values: Sequence[float], seed: int) -> None:
    in_order = sorted(values)
    for quantile, found in zip(QUANTILES, merged(*cut(values, seed)).quantiles(), strict=True):
        exact = in_order[math.floor(quantile * (len(values) - 1))]
        if max(SMALLEST, max(map(abs, values)) / CLOSEST) < abs(exact) < LARGEST_IN_SKETCH:
            assert abs(found - exact) <= RELATIVE_ERROR * abs(exact) * (1 + 1e-9)


def test_values_that_far_apart_are_told_apart_wherever_their_bins_begin() -> None:
    for place in range(1000):
        low = 1.0 + place / 1000
        (found,) = window([low, low * CLOSEST]).quantiles([0.5])
        assert abs(found - low) <= RELATIVE_ERROR * low * (1 + 1e-9)


@pytest.mark.parametrize("spread", [0.1, 2.0, 9.0])
def test_quantiles_of_many_readings_are_as_close_as_stated(spread: float) -> None:
    random = Random(spread)
    values = [random.choice([1, 1, -1]) * random.lognormvariate(0, spread) for _ in range(20_000)]
    found, in_order = window(values).quantiles([place / 100 for place in range(101)]), sorted(values)
    for percent, value in enumerate(found):
        exact = in_order[math.floor(percent / 100 * (len(values) - 1))]
        assert abs(value - exact) <= RELATIVE_ERROR * abs(exact) * (1 + 1e-9) or abs(exact) < max(values) / CLOSEST


@given(VALUES, st.integers())
def test_bins_are_those_of_the_library(values: Sequence[float], seed: int) -> None:
    """Its own store, with the same bound, has counted the same values in the same bins."""
    mapping = CubicallyInterpolatedMapping(RELATIVE_ERROR)
    above, below = CollapsingLowestDenseStore(MOST_BINS), CollapsingLowestDenseStore(MOST_BINS)
    theirs = BaseDDSketch(mapping, above, below, 0.0)
    for value in values:
        theirs.add(max(min(value, mapping.max_possible), -mapping.max_possible))
    ours = merged(*cut(values, seed)).sketch
    for store, bins in ((above, ours.above), (below, ours.below)):
        kept = {store.offset + place: count for place, count in enumerate(store.bins) if count}
        assert kept == bins


@given(st.dictionaries(st.integers(-80_000, 80_000), st.integers(1, 10**9)))
def test_bins_read_back(bins: dict[int, int]) -> None:
    assert unpacked(packed(bins)) == bins


def test_a_window_has_a_bounded_size() -> None:
    """However far its values lie apart, and however many there are."""
    random = Random(1)
    values = [random.choice([1, -1]) * 10 ** random.uniform(-300, 300) for _ in range(86_400)]
    assert len(window(values).model_dump_json()) < 20_000
    sketch = Sketch.of(places(values))
    assert max(len(sketch.above), len(sketch.below)) <= MOST_BINS


def test_windows_of_a_sensor_fit_into_a_kilobyte() -> None:
    random = Random(1)
    day = [round(20 + 5 * math.sin(second / 13_751) + random.gauss(0, 0.3), 2) for second in range(86_400)]
    sizes = [len(window(day[:readings]).model_dump_json()) for readings in (60, 3600, 86_400)]
    assert sizes[0] < 256
    assert sizes[1] < 384
    assert sizes[2] < 768
