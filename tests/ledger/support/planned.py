"""Journals as CSV without hledger, and what a plan comes to."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from ledger.tools.importer.names import JournalAccount, commodity_of
from ledger.tools.importer.planning import JournalTransfer

COLUMNS = "txnidx,date,date2,status,code,description,comment,account,amount,commodity,credit,debit"
HEADER = [*COLUMNS.split(","), "posting-status", "posting-comment"]


def csv_of(*lines: str) -> str:
    """A CSV of lines written as `txnidx | date | description | account | amount | commodity [| comment]`."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(HEADER)
    for line in lines:
        index, day, description, account, amount, commodity, *comment = (each.strip() for each in line.split("|"))
        row = [index, day, "", "", "", description, "", account, amount, commodity, "", "", ""]
        writer.writerow([*row, "".join(comment)])
    return text.getvalue()


def balances_in_each_commodity(transfer: JournalTransfer) -> bool:
    """Whether debits equal credits."""
    sums: Counter[str] = Counter()
    for posting in transfer.postings:
        sums[posting.account.commodity] += posting.amount
    return not any(sums.values())


def account_of(id: str) -> JournalAccount | None:
    """The account that an id stands for, unless it ends in a digest: the way back from ``JournalAccount.id``."""
    currency, _, name = id.partition(".")
    commodity = commodity_of(currency)
    if "__" in id or commodity is None:
        return None
    return JournalAccount(re.sub(r"(?:_[0-9A-F]{2})+", _unescaped, name.replace(".", ":")), commodity)


def _unescaped(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("_", "")).decode()
