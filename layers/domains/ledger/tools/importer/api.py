"""The ledger's HTTP API as the importer sees it."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from banyan_tools.importing import REPLAYED, ApiError, ImportClient
from ledger.tools.importer.names import JournalAccount
from ledger.tools.importer.planning import JournalTransfer
from ledger.tools.importer.splitting import JournalPosting

_PAGE = 200
_OTHER_SCALE = "currency_has_another_scale"


class _Read(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class AccountBalance(_Read):
    """An account, and its balance at some moment."""

    account_id: str
    type: str
    currency: str
    name: str
    balance: str
    version: int = 0


class PostedTransfer(_Read):
    """A transfer as the API answers it."""

    status: str
    late_for: date | None = None
    replayed: bool = False


class _JournalEntry(_Read):
    transfer_id: str


class _Page(_Read):
    cursor: str | None = None


class _AccountPage(_Page):
    accounts: list[AccountBalance]


class _JournalPage(_Page):
    entries: list[_JournalEntry]


class _TrialBalance(_Read):
    accounts: list[AccountBalance]


Answer = TypeVar("Answer", bound=_Read)
Page = TypeVar("Page", bound=_Page)


class LedgerApi(ImportClient):
    """The ledger of one tenant."""

    def accounts(self) -> Iterator[AccountBalance]:
        """All accounts, page by page. Raises `ApiError`."""
        for page in self._pages(_AccountPage, "/accounts", {}):
            yield from page.accounts

    def _pages(self, model: type[Page], path: str, asked: Mapping[str, str]) -> Iterator[Page]:
        cursor: str | None = None
        while True:
            params = {**asked, "limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            page, _ = self.request(model, "GET", path, params=params)
            yield page
            if not (cursor := page.cursor):
                return

    def open(self, account: JournalAccount, scale: int | None) -> bool:
        """Open an account; whether an earlier import did. The scale stays what it is where the currency has one.

        Raises
        ------
        ApiError
            When it is refused, as an account of that id with another name.
        """
        body: dict[str, Any] = {
            "accountId": account.id,
            "type": account.type.value,
            "currency": account.currency,
            "name": account.name,
        }
        try:
            asked = body if scale is None else {**body, "scale": scale}
            return self._command(AccountBalance, "/accounts", f"{account.id}#{scale}", asked)[1]
        except ApiError as error:
            if error.code != _OTHER_SCALE:
                raise
            return self._command(AccountBalance, "/accounts", account.id, body)[1]

    def posted_since(self, day: str) -> Iterator[str]:
        """Ids of all transfers that count for a day or a later one. Raises `ApiError`."""
        for page in self._pages(_JournalPage, "/journal", {"from": day}):
            yield from (entry.transfer_id for entry in page.entries)

    def balances_on(self, day: date) -> list[AccountBalance]:
        """The balances of all accounts at the end of a day. Raises `ApiError`."""
        return self.request(_TrialBalance, "GET", "/trial-balance", params={"effectiveAt": day.isoformat()})[0].accounts

    def post(self, transfer: JournalTransfer) -> PostedTransfer:
        """Post a transfer. Raises `ApiError` when it is refused."""
        body = {
            "transferId": transfer.id,
            "effectiveDate": transfer.day,
            "description": transfer.description,
            "postings": [_posting(each) for each in transfer.postings],
        }
        answer, replayed = self._command(PostedTransfer, "/transfers", transfer.id, body)
        return answer.model_copy(update={"replayed": replayed})

    def _command(self, model: type[Answer], path: str, key: str, body: Mapping[str, Any]) -> tuple[Answer, bool]:
        """Send a command under a key that is the same in every import, so that its answer says what is a repeat.

        A refusal that is repeated may have become wrong: then the command is sent under a new key, which is safe, as
        its id alone makes a repeat of it harmless.
        """
        try:
            return self._send(model, path, str(uuid5(NAMESPACE_URL, key)), body)
        except ApiError as error:
            if not (error.replayed or error.code == "idempotency_key_reused"):
                raise
            return self._send(model, path, str(uuid4()), body)

    def _send(self, model: type[Answer], path: str, key: str, body: Mapping[str, Any]) -> tuple[Answer, bool]:
        answer, response = self.request(model, "POST", path, json=body, headers={"Idempotency-Key": key})
        return answer, REPLAYED in response.headers


def _posting(posting: JournalPosting) -> dict[str, str]:
    return {"accountId": posting.account.id, "amount": posting.text}
