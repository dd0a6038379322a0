"""What must hold of a ledger's event table once all tellers have gone home."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.support.engines import DynamoDBEngine

from banyan import Event
from banyan.bootstrap import Application
from banyan.entrypoints.work import reconcile
from banyan.store import Commit
from banyan.store.items import ItemReader
from banyan.store.verify import verify_stream
from banyan.streams import StreamId
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.events import AccountOpened, AmountHeld, AmountPosted, HoldReleased, Overdraft
from ledger.transfers.events import TransferExpired, TransferHeld, TransferPosted, TransferSubmitted, TransferVoided

FOREVER = 1e9
BATCH = 100

History = Mapping[StreamId, Sequence[Event]]


def commits_of(engine: DynamoDBEngine) -> Sequence[Commit]:
    """All commits, strongly consistent, those of a stream in order."""
    items = engine.gateway.items("scan", {"TableName": engine.events, "ConsistentRead": True})
    found = [item for item in map(ItemReader(), items) if isinstance(item, Commit)]
    return sorted(found, key=lambda commit: (commit.stream, commit.position))


def history_of(application: Application, commits: Iterable[Commit]) -> History:
    """Events by stream."""
    events = defaultdict[StreamId, list[Event]](list)
    for commit in commits:
        events[commit.stream].extend(application.store.recorded([commit]))
    return events


def of(history: History, *kinds: type[Any]) -> list[Any]:
    """All events of some kinds."""
    return [event for events in history.values() for event in events if isinstance(event.payload, kinds)]


def posted_in(history: History, period: str) -> set[str]:
    """Ids of the transfers that count for a period."""
    return {
        event.stream_id.id for event in of(history, TransferPosted) if f"{event.payload.effective_date:%Y-%m}" == period
    }


def assert_balanced(history: History) -> None:
    """Debits equal credits in each currency, in each transfer and at each moment."""
    currency = {event.stream_id.id: event.payload.currency for event in of(history, AccountOpened)}
    sums = Counter[tuple[Any, str]]()
    for event in of(history, AmountPosted):
        code, amount = currency[event.stream_id.id], int(event.payload.amount)
        for part in (event.payload.transfer_id, event.timestamp):
            sums[part, code] += amount
    assert not any(sums.values())


def assert_each_transfer_is_there_once(history: History) -> None:
    """What a transfer says that it moved or held stands in its accounts, line by line, once."""
    for said, stands in ((TransferPosted, AmountPosted), (TransferHeld, AmountHeld)):
        lines = [
            (event.stream_id.id, line, each.account_id, each.amount)
            for event in of(history, said)
            for line, each in enumerate(event.payload.bookings)
        ]
        found = [
            (event.payload.transfer_id, event.payload.line, event.stream_id.id, event.payload.amount)
            for event in of(history, stands)
        ]
        assert sorted(lines) == sorted(found)
        assert len(found) == len(set(found))
    submitted = Counter(event.stream_id for event in of(history, TransferSubmitted))
    assert set(submitted.values()) == {1}


def assert_holds_are_released_once(history: History) -> None:
    """What was held for a transfer is released once it is resolved, and only then."""
    resolved = {event.stream_id.id for event in of(history, TransferPosted, TransferVoided, TransferExpired)}
    holds, freed = (
        Counter((e.payload.transfer_id, e.payload.line, e.stream_id.id, e.payload.amount) for e in of(history, kind))
        for kind in (AmountHeld, HoldReleased)
    )
    assert freed == Counter(each for each in holds if each[0] in resolved)


def assert_nothing_is_overdrawn(history: History) -> None:
    """No account that forbids it was ever below zero, holds included; every balance is the sum of its postings."""
    for stream, events in history.items():
        if stream.entity == ACCOUNT.entity:
            state, at = ACCOUNT.initial(), None
            for event in events:
                assert event.timestamp == at or state.overdraft is Overdraft.ALLOWED or state.available >= 0
                state, at = ACCOUNT.evolve(state, event.payload), event.timestamp
            assert state.balance == sum(e.payload.amount for e in events if isinstance(e.payload, AmountPosted))
            assert state.overdraft is Overdraft.ALLOWED or state.available >= 0


def assert_chains_hold(application: Application, streams: Iterable[StreamId]) -> None:
    """No stream is damaged."""
    for stream in streams:
        assert not verify_stream(application.store, stream).problems


def project(application: Application, commits: Sequence[Commit]) -> None:
    """Hand all commits to the projector."""
    for start in range(0, len(commits), BATCH):
        batch = commits[start : start + BATCH]
        while again := application.processor.project(batch):
            batch = [commit for commit in batch if commit.stream in again]


def assert_reconciled(application: Application) -> None:
    """`reconcile run --full` finds nothing."""
    report = reconcile({"full": True}, application.reconciler, lambda: FOREVER)
    assert report is not None
    assert not [finding for section in report.sections for finding in section.findings]
    assert sum(section.compared for section in report.sections) > 0
