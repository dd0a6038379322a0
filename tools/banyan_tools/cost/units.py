"""Write and read units of a command, by component."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from banyan_tools.cost.profile import Commits, Profile, Rows
from banyan_tools.cost.stack import DeployedStack

WRITTEN: Final = 1024
READ: Final = 4096
IN_TRANSACTION: Final = 2


@dataclass(frozen=True)
class Units:
    """Of one command, in the mean."""

    write: float = 0.0
    read: float = 0.0

    def __add__(self, other: Units) -> Units:
        return Units(self.write + other.write, self.read + other.read)


RECONCILED: Final = Units(3.2, 5.0)
"""Of a row that changed: its mark taken away in a transaction, its digest and its stream's, row and stream read.

What a run costs whatever changed, some 50 write and 110 read units, is left out: cents.
"""


def units(profile: Profile, stack: DeployedStack) -> Mapping[str, Units]:
    """What one command consumes with all that follows from it, by component.

    A commit is projected and reacted to alone: several of a stream in one batch share their writes, which costs less.
    """
    commits, reacts = profile.commits_per_command, stack.is_on("Reactions")
    index = sum((each.per_command * each.items for each in profile.commits), 0.0)
    return {
        "append": _total(_append(each) for each in profile.commits),
        "log index": Units(index),
        "rows": _total(_rows(each) for each in profile.rows),
        "lookups": Units(sum(each.commits * each.rows * each.entries * kilobytes(each.bytes) for each in profile.rows)),
        "cursors": _total(_cursors(each) for each in profile.rows) + (Units(commits, commits) if reacts else Units()),
        "traces": Units(commits if reacts and stack.is_on("Traces") else 0.0),
        "idempotency": Units(profile.idempotency.per_command * profile.idempotency.write_units),
        "deadlines": Units(2 * profile.deadlines.per_command * kilobytes(profile.deadlines.bytes)),
        "snapshots": Units(sum(_snapshots(each, stack) for each in profile.commits)),
        "reconciliation": Units(
            marks(profile, stack) + RECONCILED.write * profile.reconciliation.rows,
            RECONCILED.read * profile.reconciliation.rows,
        ),
    }


def marks(profile: Profile, stack: DeployedStack) -> float:
    """Rows that are marked as changed, per command; all that one stream owns have one mark."""
    if not stack.is_on("RowMarks"):
        return 0.0
    return sum(each.commits * (min(each.rows, 1.0) if each.kind == "shared" else 1.0) for each in profile.rows)


def _append(commits: Commits) -> Units:
    times = IN_TRANSACTION if commits.transaction or commits.items > 1 else 1
    write = times * kilobytes(commits.bytes) + IN_TRANSACTION * commits.checks
    return Units(commits.per_command * write, commits.per_command * commits.read_units)


def _rows(rows: Rows) -> Units:
    if rows.kind == "stream":
        return Units(rows.commits * kilobytes(rows.bytes), rows.commits * ceil(rows.bytes / READ))
    written = IN_TRANSACTION * rows.rows * kilobytes(rows.bytes)
    if rows.kind == "shared":
        return Units(rows.commits * written)
    carried = (1 + min(rows.rows, 1.0)) * kilobytes(rows.carried_bytes)
    read = ceil(rows.carried_bytes / READ) + rows.rows_read * ceil(rows.bytes / READ)
    return Units(rows.commits * (written + carried), rows.commits * read)


def _cursors(rows: Rows) -> Units:
    """Rows that many streams share have a cursor for each stream, which moves with them, or alone at half the price."""
    if rows.kind != "shared":
        return Units()
    return Units(rows.commits * (1 + min(rows.rows, 1.0)), rows.commits)


def _snapshots(commits: Commits, stack: DeployedStack) -> float:
    return commits.per_command * commits.events / stack.number("SnapshotInterval") * kilobytes(commits.snapshot_bytes)


def kilobytes(size: int) -> int:
    """Write units of an item."""
    return ceil(size / WRITTEN)


def _total(found: Iterable[Units]) -> Units:
    return sum(found, Units())
