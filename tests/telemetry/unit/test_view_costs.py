"""What the page about telemetry says of the costs of views."""

from __future__ import annotations

from tests.telemetry.support.view_costs import BEGIN, END, PAGE, counted


def test_the_published_costs_of_views_are_those_of_today() -> None:
    published = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].splitlines()
    for cost in counted(only=100):
        assert cost.row in published, "run `python -m tests.telemetry.support.view_costs`"
