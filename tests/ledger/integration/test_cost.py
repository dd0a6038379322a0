"""What the profile of the ledger says of its cost is what transfers consume."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.ledger.support.book import ALICE
from tests.support.counted import CountedPlatform, check_units
from tests.support.engines import DynamoDBEngine

from banyan_tools.cost.profile import read_profile
from banyan_tools.project import ROOT

PROFILE = ROOT / "layers" / "domains" / "ledger" / "tools" / "cost.toml"
ACCOUNTS, TRANSFERS, LONG = 8, 20, 9
POSTED_LATER, EXPIRED = (7, 17), 8
PENDING = {"pending": True, "expiresInSeconds": 3600}


def test_the_units_of_the_profile_are_those_that_are_counted(dynamodb_local: DynamoDBEngine) -> None:
    profile = read_profile(PROFILE)
    books = CountedPlatform(dynamodb_local, profile, ALICE)
    for number in range(ACCOUNTS):
        books.send("/accounts", {"accountId": f"account-{number}", "type": "asset", "currency": "EUR"}, 201)
    for number in range(ACCOUNTS):
        transfer(books, 1000 + number)
    books.begin()

    commands = sum(transferred(books, number) for number in range(TRANSFERS))
    books.clock.move(timedelta(hours=2))
    books.fire()

    check_units(profile, books, commands)


def transferred(books: CountedPlatform, number: int) -> int:
    """A transfer, and what becomes of it; how many commands that took."""
    books.clock.move(timedelta(seconds=1))
    pending = number in (*POSTED_LATER, EXPIRED)
    id = transfer(books, number, 4 if number == LONG else 2, **(PENDING if pending else {}))
    if number in POSTED_LATER:
        books.send(f"/transfers/{id}/post", {})
    return 2 if number in POSTED_LATER else 1


def transfer(books: CountedPlatform, number: int, postings: int = 2, **more: Any) -> str:
    """Submit a transfer; its id."""
    id = f"transfer-{number:06d}-of-november"
    lines = [
        {"accountId": f"account-{(number + each) % ACCOUNTS}", "amount": "12.50" if each % 2 else "-12.50"}
        for each in range(postings)
    ]
    books.send("/transfers", {"transferId": id, "description": "Rent of November", "postings": lines, **more}, 201, id)
    return id
