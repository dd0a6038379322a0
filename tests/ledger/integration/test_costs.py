"""What the page about the ledger says of the costs of a transfer."""

from __future__ import annotations

from tests.ledger.support.costs import BEGIN, END, PAGE, POSTINGS, counted
from tests.support.clocks import EVERYTHING
from tests.support.engines import DynamoDBEngine


def test_the_published_costs_are_those_of_today(dynamodb_local: DynamoDBEngine) -> None:
    published = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].splitlines()

    costs = counted(dynamodb_local, POSTINGS if EVERYTHING else POSTINGS[:2])

    for cost in costs:
        assert cost.row in published, "run `python -m tests.ledger.support.costs`"
    assert [cost.requests for cost in costs] == [(cost.postings + 4, 4) for cost in costs]
