"""What the page about decisions says of their costs."""

from __future__ import annotations

from bench.decisions import BEGIN, END, PAGE, counted
from tests.support.clocks import EVERYTHING
from tests.support.engines import DynamoDBEngine

STREAMS = (1, 2, 3, 5, 10, 25, 50, 100) if EVERYTHING else (1, 2, 10)


def test_the_published_costs_are_those_of_today(dynamodb_local: DynamoDBEngine) -> None:
    published = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].splitlines()

    for cost in counted(dynamodb_local, STREAMS):
        assert cost.row in published, "run `make bench-decisions`"
