"""The rules of an import over again, in SQL and whole numbers, sharing nothing with the planner.

Money is counted in ten-thousandths. Dirt is told apart only as coarsely as the files here need it.
"""

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOAD = """
CREATE TABLE line (n INTEGER PRIMARY KEY, invoice TEXT, sku TEXT, quantity INTEGER, minute TEXT, price INTEGER,
                   customer TEXT)
"""
_DERIVE = """
CREATE TABLE sale AS SELECT * FROM line WHERE invoice NOT LIKE 'C%' AND quantity > 0 AND price > 0;
CREATE INDEX sold ON sale (invoice, sku);
CREATE TABLE invoice AS
    SELECT invoice, min(n) AS n, max(customer) AS customer, sum(quantity * price) AS worth, max(minute) AS paid,
           min(minute) AS created
    FROM sale GROUP BY invoice;
CREATE TABLE note AS
    SELECT invoice, n, customer, minute FROM line
    WHERE n IN (SELECT min(n) FROM line WHERE invoice LIKE 'C%' GROUP BY invoice);
CREATE TABLE pieces AS
    SELECT invoice, sku, sum(abs(quantity)) AS count FROM (
        SELECT invoice, sku, quantity FROM sale UNION ALL SELECT invoice, sku, quantity FROM line
        WHERE invoice LIKE 'C%'
    ) GROUP BY invoice, sku;
CREATE INDEX counted ON pieces (invoice, sku);
CREATE TABLE content AS
    SELECT invoice, group_concat(sku || '=' || count, ';') AS held
    FROM (SELECT * FROM pieces ORDER BY invoice, sku) GROUP BY invoice;
CREATE INDEX held ON content (invoice);
CREATE TABLE cancelled (invoice TEXT PRIMARY KEY, note TEXT UNIQUE, minute TEXT);
"""
_CANCEL = """
WITH fitting AS (
    SELECT invoice.invoice, note.invoice AS note, note.minute, invoice.n, customer
    FROM note JOIN invoice USING (customer)
    WHERE note.invoice = ? AND invoice.n < note.n
      AND invoice.invoice NOT IN (SELECT invoice FROM cancelled)
      AND (SELECT held FROM content WHERE content.invoice = invoice.invoice)
        = (SELECT held FROM content WHERE content.invoice = note.invoice)
)
INSERT INTO cancelled
    SELECT invoice, note, minute FROM fitting
    WHERE customer <> 'guest' OR (SELECT count(*) FROM fitting) = 1
    ORDER BY n DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Sold:
    """What is booked on a day, or for a customer: orders and amounts in ten-thousandths."""

    orders: int = 0
    gross: int = 0
    cancelled: int = 0
    refunded: int = 0


class Independent:
    """A file in SQLite."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute(_LOAD)
        with file.open(newline="", encoding="utf-8") as text:
            rows = [_row(n, fields) for n, fields in enumerate(csv.DictReader(text)) if _well_formed(fields)]
        self._db.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executescript(_DERIVE)
        for (note,) in self._db.execute("SELECT invoice FROM note ORDER BY n").fetchall():
            self._db.execute(_CANCEL, (note,))

    def close(self) -> None:
        """Let go of the memory."""
        self._db.close()

    def number(self, query: str) -> int:
        """The one number a query gives."""
        (value,) = self._db.execute(query).fetchone()
        return int(value)

    def items(self, invoice: str) -> Sequence[tuple[str, int, int]]:
        """Stock code, quantity and price of an order's lines, as they follow one another."""
        query = "SELECT sku, quantity, price FROM sale WHERE invoice = ? ORDER BY minute, n"
        return self._db.execute(query, [invoice]).fetchall()

    def invoices(self, what: str) -> Sequence[str]:
        """Invoices with an order, in the order of the file, of which something is true."""
        return [id for (id,) in self._db.execute(f"SELECT invoice FROM invoice WHERE {what} ORDER BY n")]

    def moments(self, invoice: str) -> Sequence[str]:
        """Minutes of an order's events: creation, later lines, payment, cancellation."""
        later = "SELECT minute FROM sale JOIN invoice USING (invoice) WHERE invoice = ?1 AND minute > created"
        ends = "SELECT created FROM invoice WHERE invoice = ?1 UNION ALL SELECT paid FROM invoice WHERE invoice = ?1"
        note = "SELECT minute FROM cancelled WHERE invoice = ?1"
        both = self._db.execute(f"{later} UNION ALL {ends} UNION ALL {note} ORDER BY 1", [invoice])
        return [minute for (minute,) in both]

    def cancelled(self) -> Mapping[str, str]:
        """Credit note by the order it cancels."""
        return dict(self._db.execute("SELECT invoice, note FROM cancelled").fetchall())

    def daily(self) -> Mapping[str, Sold]:
        """What is booked by day: sales on that of the last line, refunds on that of the credit note."""
        return self._sold("substr(paid, 1, 10)", "substr(cancelled.minute, 1, 10)")

    def customers(self) -> Mapping[str, Sold]:
        """What is booked by customer."""
        return self._sold("customer", "customer")

    def _sold(self, sale_key: str, refund_key: str) -> Mapping[str, Sold]:
        sales = f"SELECT {sale_key} AS key, count(*) AS a, sum(worth) AS b, 0 AS c, 0 AS d FROM invoice GROUP BY 1"
        refunds = (
            f"SELECT {refund_key}, 0, 0, count(*), sum(worth) FROM cancelled JOIN invoice USING (invoice) GROUP BY 1"
        )
        both = f"SELECT key, sum(a), sum(b), sum(c), sum(d) FROM ({sales} UNION ALL {refunds}) GROUP BY 1 ORDER BY 1"
        return {key: Sold(*counts) for key, *counts in self._db.execute(both)}


def _well_formed(fields: Mapping[str, str | None]) -> bool:
    texts = [text for text in fields.values() if text is not None]
    return len(texts) == 8 and texts[0][0] != "A" and texts[3].lstrip("-").isdigit() and ":" in texts[4]


def _row(n: int, fields: Mapping[str, str]) -> tuple[int, str, str, int, str, int, str]:
    day, clock = fields["InvoiceDate"].split()
    month, date, year = day.split("/")
    whole, _, decimals = fields["UnitPrice"].partition(".")
    return (
        n,
        fields["InvoiceNo"],
        fields["StockCode"],
        int(fields["Quantity"]),
        f"20{year}-{month:>02}-{date:>02} {clock:>05}",
        int(whole + decimals.ljust(4, "0")),
        fields["CustomerID"] or "guest",
    )
