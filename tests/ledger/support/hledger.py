"""Debian's hledger as the judge: what it prints of a journal, and the balances that it finds."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

Balances = Mapping[tuple[str, str], Fraction]
"""By account and commodity, none of them zero."""

needs_hledger = pytest.mark.skipif(not shutil.which("hledger"), reason="hledger is not installed here")


def printed(journal: str) -> str:
    """The CSV that is imported. Raises ``ValueError`` when hledger does not accept the journal."""
    return _run(journal, "print", "-x", "--infer-equity", "-O", "csv")


def exact_balances(journal: str, end: date | None = None) -> Balances:
    """The balances before a day, or all, to ten decimals: hledger rounds further ones in JSON."""
    report = _run(journal, "balance", "--flat", "--infer-equity", "-N", "-E", "-O", "json", *_until(end))
    rows, _ = json.loads(report, parse_float=Fraction)
    found: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for name, _, _, amounts in rows:
        for amount in amounts:
            quantity = amount["aquantity"]
            value = Fraction(quantity["decimalMantissa"], 10 ** quantity["decimalPlaces"])
            found[name, amount["acommodity"]] += value
    return {key: value for key, value in found.items() if value}


def shown_balances(journal: str, end: date | None = None) -> Mapping[tuple[str, str], Decimal]:
    """The balances as hledger shows them, rounded to the decimals of each commodity."""
    rows = csv.DictReader(io.StringIO(balance_csv(journal, end, "--layout=bare")))
    return {(row["account"], row["commodity"]): Decimal(row["balance"].replace(",", ".")) for row in rows}


def balance_csv(journal: str, end: date | None = None, *more: str) -> str:
    """The report of balances as CSV."""
    return _run(journal, "balance", "--flat", "--infer-equity", "-N", "-O", "csv", *more, *_until(end))


def _until(end: date | None) -> list[str]:
    return ["-e", end.isoformat()] if end else []


def _run(journal: str, *arguments: str) -> str:
    done = subprocess.run(
        ["hledger", "-f", "-", *arguments], input=journal, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout
