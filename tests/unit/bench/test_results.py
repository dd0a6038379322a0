"""What was measured is held to its goal as it is shown, and shown with as many digits as it deserves."""

from __future__ import annotations

import pytest
from bench.results import Figure, at_least, at_most, number, ratios


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1, "1"), (0.813, "0.81"), (1.1, "1.1"), (12.34, "12.3"), (20, "20"), (1234.5, "1,234"), (99.96, "100.0")],
)
def test_a_figure_has_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("goal", "met", "missed"),
    [(at_most(1.1), 1.104, 1.106), (at_least(0.8), 0.796, 0.794), (at_most(1), 1, 2), (at_least(1), 1, 0.99)],
)
def test_a_goal_is_held_to_what_is_shown(goal: object, met: float, missed: float) -> None:
    assert (Figure("w", [met], "", goal).verdict, Figure("w", [missed], "", goal).verdict) == ("met", "missed")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "steady"), [([1, 1.1, 1.2], False), ([1, 1.1], True), ([1.2, 1.3], True), ([1.2, 1.1, 1.2], False)]
)
def test_a_verdict_is_steady_where_each_round_comes_to_it(samples: list[float], steady: bool) -> None:
    assert Figure("w", samples, "", at_most(1.1)).steady is steady
    assert Figure("w", samples, "").steady


def test_without_a_goal_there_is_no_verdict() -> None:
    assert Figure("w", [1], "").verdict == ""


def test_a_figure_is_the_median_of_its_rounds_and_says_how_far_they_lie_apart() -> None:
    figure = Figure("w", [9, 1, 2], "ms")

    assert (figure.value, figure.measured) == (2, "2 ms (1–9)")
    assert Figure("w", [2, 2.001], "ms").measured == "2 ms"


def test_rounds_are_compared_with_their_own_round() -> None:
    assert ratios([2, 30], [1, 10]) == [2, 3]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])
