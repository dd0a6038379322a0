"""Whatever is asked of a ledger, in whatever order, its invariants hold and it agrees with a naive one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.support.book import ALICE, BOB, Book, limits
from tests.ledger.support.expiry import Expiry
from tests.ledger.support.model import Lines, Model, ModelAccount, ModelTransfer, Reasons
from tests.support.clocks import EVERYTHING
from tests.support.http import Answer, body_of

from banyan import DomainEvent, Event
from banyan.store import Commit
from banyan.streams import StreamId
from ledger.accounts.events import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AmountHeld,
    AmountPosted,
    HoldReleased,
)
from ledger.amounts import DECIMALS
from ledger.periods.events import PeriodClosed, PeriodReopened
from ledger.transfers.events import (
    TransferExpired,
    TransferHeld,
    TransferPosted,
    TransferRejected,
    TransferReversed,
    TransferSubmitted,
    TransferVoided,
)

HISTORIES = 400 if EVERYTHING else 25
CHAINS = 40 if EVERYTHING else 20
LIMIT = "50"
CAROL = {"sub": "carol", "tenant": "acme", "scope": "ledger/write ledger/approve"}
APPROVING_ALICE = {**ALICE, "scope": "ledger/write ledger/approve"}
ACCOUNTS = {
    "cash": ("asset", "EUR", "allowed"),
    "wallet": ("asset", "EUR", "forbidden"),
    "debt": ("liability", "EUR", "forbidden"),
    "sales": ("income", "EUR", "allowed"),
    "spare": ("asset", "EUR", "allowed"),
    "till": ("asset", "EUR", "allowed"),
    "dollars": ("asset", "USD", "forbidden"),
    "capital": ("equity", "USD", "allowed"),
    "yen": ("expense", "JPY", "allowed"),
    "float": ("liability", "JPY", "forbidden"),
}
EUR, USD, JPY = (
    [id for id, (_, currency, _) in ACCOUNTS.items() if currency == code] for code in ("EUR", "USD", "JPY")
)
PERIODS = ("2025-12", "2026-01", "2026-02", "2026-03")

OTHERS = {"": None, "effectiveDate": "2026-03-31", "description": "another"}
Step = tuple[str, dict[str, Any]]
people = st.sampled_from([APPROVING_ALICE, BOB, CAROL])
authors = st.sampled_from([APPROVING_ALICE, APPROVING_ALICE, BOB])
choices = st.integers(0, 999)
NEWEST = -1
newest = st.just(NEWEST)
days = st.none() | st.sampled_from([date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 14)])
amounts = st.one_of(st.integers(1, 80).map(Decimal), st.integers(1, 4000).map(lambda cents: Decimal(cents) / 100))
wholes = st.integers(1, 60).map(Decimal)


def pairs(accounts: Sequence[str], amount: st.SearchStrategy[Decimal]) -> st.SearchStrategy[list[tuple[str, Decimal]]]:
    """An amount from one account to another, or to itself."""
    one = st.sampled_from(accounts)
    return st.builds(lambda debit, credit, each: [(debit, each), (credit, -each)], one, one, amount)


pair = st.one_of(pairs(EUR, amounts), pairs(EUR, amounts), pairs(USD, amounts), pairs(JPY, wholes))
few = st.lists(pair, min_size=1, max_size=3) | st.lists(pair, min_size=4, max_size=25)
balanced = few.map(lambda found: [line for each in found for line in each])
odd_line = st.tuples(st.sampled_from([*ACCOUNTS, "nobody"]), st.sampled_from(["0", "0.001", "0.5", "-1"]).map(Decimal))
broken = st.builds(lambda lines, line: [*lines[:48], line], balanced, odd_line)
across = st.builds(lambda each: [("cash", each), ("capital", -each)], wholes)
lines = st.one_of(pair, balanced, pair, balanced, broken, across)


def exact(amount: int) -> Decimal:
    return Decimal(int(amount)).scaleb(-DECIMALS)


class History:
    """Sends requests to the API, and asks the model what has to come of them."""

    def __init__(self) -> None:
        self.book = Book(limits(EUR=LIMIT))
        self.expiry = Expiry(self.book)
        self.model = Model({"EUR": Decimal(LIMIT)}, {"EUR": 2, "USD": 2, "JPY": 0})
        self.sent: list[tuple[str, Any, Any, str, Answer]] = []
        self.seen: Mapping[StreamId, Sequence[Commit]] = {}
        self.first_answers: dict[str, tuple[Any, Any]] = {}
        self.facts: list[Event] = []

    def begin(self) -> None:
        """Open all accounts, and put something into those that may not be overdrawn."""
        for id in ACCOUNTS:
            self.open(id, 0)
        for source, target in (("sales", "wallet"), ("sales", "wallet"), ("sales", "debt"), ("capital", "dollars")):
            sense = self.model.accounts[target].sense
            self.submit([(target, Decimal(50) * sense), (source, Decimal(-50) * sense)])
        self.assert_nothing_is_edited_or_deleted()

    def send(self, path: str, body: Any, reasons: Reasons, claims: Any = APPROVING_ALICE) -> Answer:
        key = f"k-{len(self.sent)}"
        answer = self.book.ask(path, body, claims=claims, idempotency_key=key)
        self.sent.append((path, body, claims, key, answer))
        code = body_of(answer).get("code")
        assert code in reasons if reasons else answer["statusCode"] in (200, 201), (path, body, answer, reasons)
        return answer

    def pick(self, choice: int, *statuses: str) -> str:
        """A transfer that stands like that, if there is one; any other one now and then."""
        fit = [id for id, each in self.model.transfers.items() if each.status in statuses]
        known = [*self.model.transfers, "nothing"]
        if choice == NEWEST:
            return (fit or known)[-1]
        return known[choice % len(known)] if choice % 8 == 7 or not fit else fit[choice % len(fit)]

    def open(self, id: str, other: int) -> None:
        type, currency, overdraft = ACCOUNTS.get(id, ("asset", "EUR", "allowed"))
        type = "expense" if other == 1 and type == "asset" else type
        body = {"accountId": id, "type": type, "currency": currency, "overdraft": overdraft}
        self.send("/accounts", body, self.model.open(id, ModelAccount(type, currency, overdraft)))

    def change(self, id: str, verb: str) -> None:
        self.send(f"/accounts/{id}/{verb}", {}, self.model.change(id, verb))

    def submit(
        self,
        lines: Lines,
        day: date | None = None,
        pending: int | None = None,
        author: Any = APPROVING_ALICE,
        choice: int = 1,
    ) -> None:
        """Under an id of its own; under a used one now and then."""
        known = list(self.model.transfers)
        used = choice % 12 == 11 and known
        id = known[choice % len(known)] if used else f"t-{len(self.sent)}"
        body: dict[str, Any] = {
            "transferId": id,
            "postings": [{"accountId": account, "amount": f"{amount:f}"} for account, amount in lines],
            **({"effectiveDate": day.isoformat()} if day else {}),
            **({"pending": True} if pending is not None else {}),
            **({"expiresInSeconds": pending} if pending else {}),
        }
        if not id.startswith("reversal-"):
            self.submitted(id, body, ModelTransfer(author["sub"], lines, day, pending is not None, pending), author)

    def submitted(self, id: str, body: Any, transfer: ModelTransfer, author: Any) -> None:
        known = id in self.model.transfers
        reasons = self.model.submit(id, body, transfer, self.book.clock.now)
        answer = self.send("/transfers", body, reasons, author)
        if not reasons:
            first = self.first_answers.setdefault(id, (body, body_of(answer)))[1]
            assert body_of(answer) == first
            assert known or (first["status"], first["lateFor"]) == (transfer.status, iso(transfer.late_for))

    def submit_again(self, choice: int, other: str) -> None:
        """The same content, without its key: the first answer; not so if one member has another value."""
        id, (body, _) = list(self.first_answers.items())[choice % len(self.first_answers)]
        changed = {**body, other: OTHERS[other]} if other else body
        author = (APPROVING_ALICE, BOB)[choice % 2]
        self.submitted(id, changed, self.model.transfers[id], author)

    def post(self, choice: int, amount: Decimal | None) -> None:
        id, body = self.pick(choice, "pending"), {} if amount is None else {"amount": f"{amount:f}"}
        self.send(f"/transfers/{id}/post", body, self.model.resolve(id, "post", self.book.clock.now, amount))

    def void(self, choice: int) -> None:
        id = self.pick(choice, "pending")
        self.send(f"/transfers/{id}/void", {}, self.model.resolve(id, "void", self.book.clock.now))

    def judge(self, choice: int, verb: str, actor: Any) -> None:
        id = self.pick(choice, "awaiting_approval")
        reasons = self.model.judge(id, verb, actor["sub"], self.book.clock.now)
        self.send(f"/transfers/{id}/{verb}", None, reasons, actor)

    def reverse(self, choice: int, author: Any) -> None:
        id = self.pick(choice, "posted")
        reasons = self.model.reverse(id, author["sub"], self.book.clock.now)
        self.send(f"/transfers/{id}/reverse", {"reason": "wrong"}, reasons, author)

    def turn(self, period: str, verb: str) -> None:
        self.send(f"/periods/{period}/{verb}", {"reason": "done"}, self.model.turn([period], verb))

    def wait(self, seconds: int) -> None:
        self.book.clock.move(timedelta(seconds=seconds))

    def fire(self) -> None:
        """The deadlines."""
        self.model.expire(self.book.clock.now)
        run = self.expiry.fire()
        assert (run.failed, run.delayed, run.parked) == (0, 0, 0)

    def repeat(self, choice: int) -> None:
        """The same request once more is the first answer; another one with its key does nothing."""
        path, body, claims, key, first = self.sent[choice % len(self.sent)]
        again = self.book.ask(path, body, claims=claims, idempotency_key=key)
        assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
        other = self.book.ask(path, {**(body or {}), "more": 1}, claims=claims, idempotency_key=key)
        assert other["statusCode"] == 422
        self.assert_nothing_is_edited_or_deleted(new=0)

    def look(self) -> None:
        """Read all that was recorded, for what follows."""
        self.facts = [event for commits in self.seen.values() for event in self.book.store.recorded(commits)]

    def assert_nothing_is_edited_or_deleted(self, new: int | None = None) -> None:
        """Whatever stood in a stream stands there still."""
        now = {stream: tuple(self.book.store.commits(stream)) for stream in self.book.store.streams()}
        for stream, before in self.seen.items():
            assert now[stream][: len(before)] == before
        added = sum(map(len, now.values())) - sum(map(len, self.seen.values()))
        assert new in (None, added)
        self.seen = now

    def assert_debits_equal_credits_per_currency_at_every_moment(self) -> None:
        currency = {event.stream_id.id: event.payload.currency for event in self.of(AccountOpened)}
        transfers = defaultdict[tuple[str, str], list[int]](list)
        moments = defaultdict[tuple[Any, str], list[int]](list)
        for event in self.of(AmountPosted):
            code = currency[event.stream_id.id]
            transfers[event.payload.transfer_id, code].append(event.payload.amount)
            moments[event.timestamp, code].append(event.payload.amount)
        assert not any(map(sum, transfers.values()))
        assert not any(map(sum, moments.values()))

    def assert_an_id_is_used_once(self) -> None:
        assert not repeated(event.stream_id.id for event in self.of(TransferSubmitted))
        assert not repeated(event.stream_id.id for event in self.of(AccountOpened))
        posted = [(e.stream_id.id, e.payload.transfer_id, e.payload.line) for e in self.of(AmountPosted)]
        said = [
            (each.account_id, event.stream_id.id, line)
            for event in self.of(TransferPosted)
            for line, each in enumerate(event.payload.bookings)
        ]
        assert not repeated(said)
        assert sorted(posted) == sorted(said)

    def assert_what_is_pending_is_held_and_resolved_exactly_once(self) -> None:
        held = {event.stream_id.id for event in self.of(TransferHeld)}
        ends = [e.stream_id.id for e in self.of(TransferPosted, TransferVoided, TransferExpired)]
        resolved = {id for id in ends if id in held}
        assert not repeated(ends)
        holds = Counter(booking(event) for event in self.of(AmountHeld))
        freed = Counter(booking(event) for event in self.of(HoldReleased))
        assert all(count == 1 for count in holds.values())
        assert freed == Counter(each for each in holds if each[0] in resolved)
        assert resolved == {id for id in held if self.model.transfers[id].status != "pending"}

    def assert_overdraft_forbidden_never_falls_below_zero_holds_included(self) -> None:
        forbidden = {event.stream_id.id for event in self.of(AccountOpened) if event.payload.overdraft == "forbidden"}
        for id in forbidden:
            sense, balance, leaving, at = self.model.accounts[id].sense, 0, 0, None
            for event in (each for each in self.facts if each.stream_id == StreamId("acme", "account", id)):
                assert event.timestamp == at or balance - leaving >= 0, id
                inside = getattr(event.payload, "amount", 0) * sense
                balance += inside if isinstance(event.payload, AmountPosted) else 0
                leaving += max(-inside, 0) if isinstance(event.payload, AmountHeld) else 0
                leaving -= max(-inside, 0) if isinstance(event.payload, HoldReleased) else 0
                at = event.timestamp
            assert balance - leaving >= 0, id

    def assert_frozen_and_closed_accounts_take_nothing(self) -> None:
        shut: set[str] = set()
        for event in self.facts:
            match event.payload:
                case AccountFrozen() | AccountClosed():
                    shut.add(event.stream_id.id)
                case AccountUnfrozen():
                    shut.discard(event.stream_id.id)
                case AmountPosted() | AmountHeld():
                    assert event.stream_id.id not in shut

    def assert_a_closed_period_takes_nothing_and_a_late_item_says_so(self) -> None:
        turns = sorted(self.of(PeriodClosed, PeriodReopened), key=lambda event: event.timestamp)
        asked = {event.stream_id.id: event.payload.asked_date for event in self.of(TransferSubmitted)}
        for event in self.of(TransferPosted):
            before = (each.payload for each in turns if each.timestamp < event.timestamp)
            state = {each.period: isinstance(each, PeriodClosed) for each in before}
            closed = {period for period, is_closed in state.items() if is_closed}
            day = asked[event.stream_id.id] or event.timestamp.date()
            expected = Model({}, {}, closed=closed).open_day(day)
            assert event.payload.effective_date == expected
            assert event.payload.late_for == (day if day != expected else None)

    def assert_a_reversal_is_made_once_and_never_of_a_reversal(self) -> None:
        posted = {event.stream_id.id: event.payload for event in self.of(TransferPosted)}
        reversals = {id: each for id, each in posted.items() if each.reverses}
        assert not repeated(each.reverses for each in reversals.values())
        assert sorted((e.stream_id.id, e.payload.reversal) for e in self.of(TransferReversed)) == sorted(
            (each.reverses, id) for id, each in reversals.items()
        )
        for each in reversals.values():
            original = posted[each.reverses]
            assert not original.reverses
            assert [-b.amount for b in each.bookings] == [b.amount for b in original.bookings]

    def assert_what_was_rejected_or_waits_moves_nothing(self) -> None:
        waiting = {id for id, each in self.model.transfers.items() if each.status in ("awaiting_approval", "rejected")}
        assert not waiting & {event.payload.transfer_id for event in self.of(AmountPosted, AmountHeld)}
        assert len(self.of(TransferRejected)) == sum(e.status == "rejected" for e in self.model.transfers.values())

    def assert_it_agrees_with_the_model(self) -> None:
        for id, account in self.model.accounts.items():
            found = self.book.account(id)
            assert found.status == account.status
            assert exact(found.balance) == self.model.balance(id)
            assert exact(found.pending_debits) == self.model.held(id, 1)
            assert exact(found.pending_credits) == self.model.held(id, -1)
            assert exact(found.available) == self.model.available(id)
        for id, transfer in self.model.transfers.items():
            known = self.book.known_transfer(id)
            assert (known.status, known.reversed) == (transfer.status, transfer.reversed)

    def of(self, *kinds: type[DomainEvent]) -> list[Any]:
        return [event for event in self.facts if isinstance(event.payload, kinds)]


def booking(event: Any) -> tuple[str, int, str, int]:
    held = event.payload
    return held.transfer_id, held.line, event.stream_id.id, int(held.amount)


def repeated(found: Iterable[Any]) -> set[Any]:
    """What is there more than once."""
    return {each for each, count in Counter(found).items() if count > 1}


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def step(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


submissions = step(
    "submit", lines=lines, day=days, pending=st.sampled_from([None, None, 0, 60, 3600]), author=authors, choice=choices
)
large = step("submit", lines=pairs(EUR, st.integers(51, 90).map(Decimal)), pending=st.sampled_from([None, 0]))
holds = step("submit", lines=pair, pending=st.sampled_from([0, 60]))
parts = st.none() | st.sampled_from(["1", "1", "0.5", "5.5", "0.001", "0", "-1", "70"]).map(Decimal)
verdicts = st.sampled_from(["approve", "approve", "reject"])
turns = step("turn", period=st.sampled_from(PERIODS), verb=st.sampled_from(["close", "close", "reopen"]))
reversals = step("reverse", choice=newest, author=authors)
anyone = st.sampled_from([*ACCOUNTS, "nobody"])
rarely_used = st.sampled_from(["spare", "till", "float"])
single = st.one_of(
    submissions,
    holds,
    turns,
    step("post", choice=choices, amount=parts),
    step("judge", choice=choices, verb=verdicts, actor=people),
    step("void", choice=choices),
    step("reverse", choice=choices, author=authors),
    step("open", id=st.sampled_from([*ACCOUNTS, "new"]), other=st.integers(0, 2)),
    step("change", id=anyone, verb=st.sampled_from(["freeze", "unfreeze", "unfreeze", "unfreeze"])),
    step("change", id=rarely_used, verb=st.just("close")),
    step("wait", seconds=st.sampled_from([61, 3601])),
    step("fire"),
    step("repeat", choice=choices),
    step("submit_again", choice=choices, other=st.sampled_from(sorted(OTHERS))),
)
OFF_AND_ON = [st.just("close"), st.sampled_from(["unfreeze", "freeze"]), st.just("unfreeze")]
chains = st.one_of(
    st.tuples(holds, step("post", choice=newest, amount=parts), reversals, single),
    st.tuples(large, step("judge", choice=newest, verb=verdicts, actor=people), reversals, reversals),
    st.tuples(reversals, step("judge", choice=newest, verb=verdicts, actor=people), reversals),
    st.tuples(turns, submissions, turns, submissions),
    st.tuples(holds, step("wait", seconds=st.just(61)), step("fire")),
    st.tuples(submissions, step("submit_again", choice=newest, other=st.sampled_from(sorted(OTHERS)))),
    rarely_used.flatmap(lambda id: st.tuples(*(step("change", id=st.just(id), verb=verbs) for verbs in OFF_AND_ON))),
)
asked_for = st.lists(st.one_of(st.tuples(single), st.tuples(single), chains), min_size=CHAINS, max_size=CHAINS)


@given(asked_for)
@settings(max_examples=HISTORIES, suppress_health_check=list(HealthCheck))
def test_every_history_keeps_the_invariants(asked: Sequence[Sequence[Step]]) -> None:
    history = History()
    history.begin()
    for name, arguments in chain.from_iterable(asked):
        getattr(history, name)(**arguments)
        history.assert_nothing_is_edited_or_deleted()
    history.look()
    history.assert_debits_equal_credits_per_currency_at_every_moment()
    history.assert_an_id_is_used_once()
    history.assert_what_is_pending_is_held_and_resolved_exactly_once()
    history.assert_overdraft_forbidden_never_falls_below_zero_holds_included()
    history.assert_frozen_and_closed_accounts_take_nothing()
    history.assert_a_closed_period_takes_nothing_and_a_late_item_says_so()
    history.assert_a_reversal_is_made_once_and_never_of_a_reversal()
    history.assert_what_was_rejected_or_waits_moves_nothing()
    history.assert_it_agrees_with_the_model()
