"""A ledger behind its HTTP API, over memory."""

from __future__ import annotations

from typing import Any

from tests.support.http import Answer, Server, body_of, problem

from banyan.streams import StreamId
from ledger.accounts.decider import ACCOUNT, Account
from ledger.amounts import Amount
from ledger.settings import LedgerSettings
from ledger.transfers.state import TRANSFER, Transfer

ALICE = {"sub": "alice", "tenant": "acme", "scope": "ledger/write"}
BOB = {"sub": "bob", "tenant": "acme", "scope": "ledger/write ledger/approve"}
AUDITOR = {"sub": "eve", "tenant": "acme", "scope": "ledger/audit"}


def limits(**amounts: str) -> LedgerSettings:
    """Settings with a limit for some currencies."""
    return LedgerSettings(approval_limits={code: Amount.parse(amount) for code, amount in amounts.items()})


class Book(Server):
    """The API's functions of a ledger; whoever is not named is Alice, who may write."""

    def __init__(self, settings: LedgerSettings | None = None, **more: Any) -> None:
        super().__init__(domains="ledger", domain_settings=settings, **more)

    def ask(self, path: str, body: Any = None, *, claims: dict[str, Any] = ALICE, **more: Any) -> Answer:
        """Send a command; each answer is kept under a key of its own."""
        return self.post(path, {} if body is None else body, claims=claims, **more)

    def done(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send a command that must succeed."""
        answer = self.ask(path, body, **more)
        assert answer["statusCode"] in (200, 201), answer
        return body_of(answer)

    def refused(self, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Send a command that must not succeed: its status and code."""
        return problem(self.ask(path, body, **more))

    def read(self, path: str, **query: Any) -> Any:
        """Ask a question that must be answered, once the read models are up to date."""
        self.project_all()
        answer = self.get(path, query=query, claims=AUDITOR)
        assert answer["statusCode"] == 200, answer
        return body_of(answer)

    def open(self, *ids: str, **content: Any) -> None:
        """Open accounts, by default assets in EUR."""
        for each in ids:
            self.done("/accounts", {"accountId": each, "type": "asset", "currency": "EUR", **content})

    def transfer(self, id: str, *postings: tuple[str, str], **more: Any) -> Any:
        """Submit a transfer that must be accepted."""
        return self.done("/transfers", transfer(id, *postings, **more))

    def account(self, id: str) -> Account:
        """An account by its events."""
        events = self.store.read(StreamId("acme", "account", id))
        return ACCOUNT.fold(event.payload for event in events)

    def known_transfer(self, id: str) -> Transfer:
        """A transfer by its events."""
        events = self.store.read(StreamId("acme", "transfer", id))
        return TRANSFER.fold(event.payload for event in events)

    def balance(self, id: str) -> str:
        """An account's balance by its events."""
        return self.account(id).balance.text(2)


def transfer(id: str, *postings: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Body of a transfer."""
    lines = [{"accountId": account, "amount": amount} for account, amount in postings]
    return {"transferId": id, "postings": lines, **more}
