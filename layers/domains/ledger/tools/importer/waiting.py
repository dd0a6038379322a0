"""Waits until the read models show what was posted, as balances that are compared before that would differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ledger.tools.importer.api import AccountBalance, LedgerApi
from ledger.tools.importer.sending import Came, SentTransfer

MOST_LOOKS = 60
"""At accounts of which none has come any further."""


def expected_versions(known: Mapping[str, AccountBalance], sent: Iterable[SentTransfer]) -> dict[str, int]:
    """Versions that accounts have at least, by id: each posting of a transfer is one more."""
    posted = [each.transfer for each in sent if each.came is Came.NOW]
    lines = Counter(posting.account.id for transfer in posted for posting in transfer.postings)
    return {id: (known[id].version if id in known else 1) + count for id, count in lines.items()}


def wait_for(
    api: LedgerApi, versions: Mapping[str, int], pause: Callable[[], None], done: Callable[[int], None]
) -> bool:
    """Whether all accounts came to be shown at their versions; `done` is called with a count of those that did.

    Raises
    ------
    ApiError
        When accounts cannot be listed.
    """
    missing, looks = dict(versions), 0
    while missing and looks < MOST_LOOKS:
        shown = [
            each.account_id for each in api.accounts() if each.version >= missing.get(each.account_id, each.version + 1)
        ]
        for id in shown:
            del missing[id]
        done(len(shown))
        looks = 0 if shown else looks + 1
        if missing:
            pause()
    return not missing
