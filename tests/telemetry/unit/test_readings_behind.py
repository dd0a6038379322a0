"""What windows do not show yet: its readings are listed all the same, and no answer claims more than it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clocks import EVERYTHING
from tests.support.http import Answer, body_of
from tests.telemetry.support.fleet import READER, Fleet
from tests.telemetry.support.months import MARCH, SECOND, STREAM, MonthOfReadings, reading

from banyan.answers import Provenance
from banyan.errors import EventError
from banyan.queries import Queries
from banyan.store.base import Commit, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from telemetry.names import micros
from telemetry.reads import readings as reads
from telemetry.reads.asked import Span
from telemetry.reads.readings import readings
from telemetry.reads.series import DeviceSeries
from telemetry.series.events import Reading, ReadingsRecorded
from telemetry.windows.window import Moment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minute: float) -> str:
    return (NOON + timedelta(minutes=minute)).isoformat()


def recorded(*minutes: float, **content: Any) -> Fleet:
    """A device with readings, projected."""
    fleet = Fleet()
    fleet.register("d0", **content)
    for minute in minutes:
        fleet.record("d0", (at(minute), minute))
    fleet.react()
    fleet.project_all()
    return fleet


def ask(fleet: Fleet, query: dict[str, Any] | None = None, what: str = "readings", **headers: str) -> Answer:
    answer = fleet.get(f"/devices/d0/{what}", claims=READER, query=query or {}, **headers)
    assert answer["statusCode"] == 200, answer
    return answer


def values(page: Any) -> list[float]:
    return [each["value"] for each in page["readings"]]


def claimed(page: Any) -> tuple[int, int, str]:
    return page["version"], page["stalenessMs"], page["servedFrom"]


def test_readings_that_are_not_projected_are_listed_in_their_place() -> None:
    fleet = recorded(0, 10, 20)
    version = fleet.record("d0", (at(30), 30.0), (at(5), 5.0))["version"]
    page = body_of(ask(fleet))
    assert values(page) == [0, 5, 10, 20, 30]
    assert claimed(page) == (version, 0, "stream")
    assert values(body_of(ask(fleet, {"from": at(5), "to": at(30)}))) == [5, 10, 20]


@pytest.mark.parametrize("limit", range(1, 6))
@pytest.mark.parametrize("projects", [False, True])
def test_pages_lose_and_repeat_none_of_them(limit: int, projects: bool) -> None:
    fleet = recorded(0, 10, 20)
    fleet.record("d0", (at(15), 15.0), (at(5), 5.0))
    fleet.record("d0", (at(30), 30.0))
    found, query = list[float](), dict[str, Any](limit=limit)
    while query:
        page = body_of(ask(fleet, query))
        found += values(page)
        query = {"limit": limit, "cursor": page["cursor"]} if page["cursor"] else {}
        if projects:
            fleet.project_all()
    assert found == [0, 5, 10, 15, 20, 30]


def test_a_month_that_was_never_projected_is_listed() -> None:
    fleet = recorded()
    fleet.clock.now = NOON
    version = fleet.record("d0", (at(0), 0.0), (at(1), 1.0))["version"]
    page = body_of(ask(fleet))
    assert (values(page), claimed(page)) == ([0, 1], (version, 0, "stream"))


def test_months_are_each_listed_to_the_end_of_their_streams() -> None:
    fleet = recorded(0)
    month = 31 * 24 * 60
    for minute in (1, 2, month, month + 1):
        fleet.record("d0", (at(minute), minute))
    page = body_of(ask(fleet, {"to": at(month + 2)}))
    assert (values(page), page["stalenessMs"]) == ([0, 1, 2, month, month + 1], 0)


def test_what_came_too_late_stays_out() -> None:
    fleet = recorded(0, allowedLatenessSeconds=60)
    fleet.record("d0", (at(-30), -30.0), (at(0.5), 0.5))
    assert values(body_of(ask(fleet))) == [0, 0.5]


def test_csv_has_them_and_says_the_same_of_itself() -> None:
    fleet = recorded(0)
    version = fleet.record("d0", (at(1), 1.0))["version"]
    answer = ask(fleet, accept="text/csv")
    assert len(answer["body"].splitlines()) == 3
    said = [answer["headers"][name] for name in ("X-Version", "X-Staleness-Ms", "X-Served-From")]
    assert said == [str(version), "0", "stream"]


def test_no_reading_makes_an_answer_of_its_time() -> None:
    page = body_of(ask(recorded(), {"from": at(0), "to": at(1)}))
    assert (values(page), claimed(page), page["cursor"]) == ([], (0, 0, "stream"), None)


def test_an_answer_says_how_far_it_reaches_when_windows_lag_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST_BEHIND", 0)
    fleet = recorded(0)
    first = fleet.record("d0", (at(1), 1.0))["version"]
    fleet.clock.move(timedelta(seconds=5))
    before = fleet.clock.now
    fleet.record("d0", (at(2), 2.0))
    fleet.clock.move(timedelta(seconds=30))
    april = 31 * 24 * 60
    fleet.record("d0", (at(april), april))
    page = body_of(ask(fleet, {"to": at(april + 1)}))
    assert values(page) == [0, 1, april]
    assert page["version"] == first
    assert 0 < (datetime.fromisoformat(page["asOf"]) - before) / timedelta(seconds=1) < 1
    assert page["stalenessMs"] >= 30_000


def test_what_cannot_be_read_ends_the_list_and_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a deployment was rolled back: windows do not get past it either."""
    fleet = recorded(0)
    good = fleet.record("d0", (at(1), 1.0))["version"]
    fleet.clock.move(timedelta(seconds=30))
    fleet.record("d0", (at(2), 2.0))
    fleet.clock.move(timedelta(seconds=30))
    decode = fleet.store.decode

    def unknown(commit: Commit) -> Any:
        if commit.last > good:
            raise EventError("no class takes this event")
        return decode(commit)

    monkeypatch.setattr(fleet.store, "decode", unknown)
    page = body_of(ask(fleet))
    assert values(page) == [0, 1]
    assert page["version"] == good
    assert page["stalenessMs"] >= 30_000


@pytest.mark.parametrize("what", ["behind", "between"])
def test_windows_that_move_on_within_a_request_make_no_difference(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = recorded(0, 10, 20)
    fleet.record("d0", (at(5), 5.0), (at(25), 25.0))
    read = getattr(Queries, what)

    def projected(*given: Any) -> Any:
        fleet.project_all()
        return read(*given)

    monkeypatch.setattr(Queries, what, projected)
    assert values(body_of(ask(fleet))) == [0, 5, 10, 20, 25]
    assert values(body_of(ask(fleet, {"limit": 1}))) == [0]


class CountedTable(MemoryTable):
    """Counts queries by stream."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def forward(self, stream: StreamId, after: int) -> Iterator[Commit | Snapshot]:
        self.asked.append(stream.id)
        return super().forward(stream, after)

    def backward(
        self, stream: StreamId, upto: int | None = None, page: int | None = None
    ) -> Iterator[Commit | Snapshot]:
        self.asked.append(stream.id)
        return super().backward(stream, upto, page)


def test_a_page_asks_the_event_table_three_times_at_most_and_once_for_a_month_without_readings() -> None:
    fleet = Fleet(table=(table := CountedTable()))
    fleet.register("d0")
    for minute in range(0, 6000, 600):
        fleet.record("d0", (at(minute), minute))
    fleet.react()
    fleet.project_all()
    table.asked.clear()
    ask(fleet, {"from": at(1200), "limit": 3})
    assert table.asked == ["d0.2026-03"] * 3
    table.asked.clear()
    ask(fleet, {"from": "2026-05-01", "to": "2026-05-02"})
    assert table.asked == ["d0.2026-05"]


def test_a_commit_of_several_items_is_read_whole() -> None:
    month, random = MonthOfReadings(), Random(1)
    sent = [reading(second, random.random()) for second in range(60_000)]
    events = [ReadingsRecorded.of(sent[place : place + 10_000]) for place in range(0, 60_000, 10_000)]
    month.store.append(STREAM, month.store.head(STREAM), events, commit_id="large")
    month.record(reading(60_000, 1.0))
    found = month.queries.behind(STREAM, 0, 0)
    assert month.commits[0].position == 7
    assert any(commit.parts > 1 for commit in month.store.commits(STREAM))
    assert (len(found.value), found.provenance.version) == (6, 6)


def test_gaps_claim_no_version_that_came_after_their_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = recorded(0, 60)
    version = body_of(ask(fleet, what="gaps"))["version"]
    fleet.record("d0", (at(30), 30.0))
    parts = DeviceSeries.parts

    def moved_on(*given: Any) -> Any:
        found = parts(*given)
        fleet.project_all()
        return found

    monkeypatch.setattr(DeviceSeries, "parts", moved_on)
    page = body_of(ask(fleet, what="gaps"))
    assert ([each["seconds"] for each in page["gaps"]], page["version"]) == ([3600], version)


def test_gaps_claim_the_version_of_a_month_that_they_lie_in() -> None:
    fleet = recorded(0, 60, 90)
    version = body_of(ask(fleet, what="gaps"))["version"]
    fleet.record("d0", (at(31 * 24 * 60), 1.0))
    fleet.react()
    fleet.project_all()
    assert body_of(ask(fleet, {"to": at(100)}, what="gaps"))["version"] == version


seconds = st.one_of(st.integers(0, 7200), st.integers(0, 3 * 86_400), st.sampled_from([0, 3599, 3600, 86_399, 86_400]))
history = st.lists(
    st.lists(st.tuples(seconds, st.sampled_from([False] * 5 + [True])), min_size=1, max_size=4), min_size=1, max_size=6
)


def month_of(batches: Sequence[Sequence[tuple[int, bool]]]) -> MonthOfReadings:
    """Readings with numbers in the order in which they came."""
    month, number = MonthOfReadings(), 0
    for batch in batches:
        sent = [reading(second, 0.0, late=late) for second, late in batch]
        month.record(*(each._replace(sequence=number + place) for place, each in enumerate(sent)))
        number += len(batch)
    return month


def listed(month: MonthOfReadings, span: Span, limit: int, deliveries: Iterator[int]) -> Iterator[Sequence[Moment]]:
    """Pages, between which commits are projected up to some."""
    series, cursor = DeviceSeries(month.queries, STREAM.tenant, "boiler", ["2026-03"], micros(NOON)), None
    while True:
        month.deliver(month.commits[: next(deliveries, 0)])
        found = readings(series, span, limit, cursor)
        yield found.value.entries
        assert told(found.provenance) == (month.commits[-1].last, 0)
        if (cursor := found.value.cursor) is None:
            return


def told(provenance: Provenance) -> tuple[int, int]:
    return provenance.version, provenance.staleness_ms


def moments(sent: Sequence[Reading], span: Span) -> list[Moment]:
    return sorted((each.at, each.sequence, each.value) for each in sent if not each.late and each.at in span)


@settings(max_examples=1000 if EVERYTHING else 60)
@given(history, st.lists(st.integers(0, 6), max_size=8), st.integers(1, 6), seconds, seconds)
def test_pages_are_what_the_stream_holds_wherever_the_projection_stands(
    batches: list[list[tuple[int, bool]]], deliveries: list[int], limit: int, first: int, length: int
) -> None:
    month, span = month_of(batches), Span(MARCH + first * SECOND, MARCH + (first + length + 1) * SECOND)
    pages = list(listed(month, span, limit, iter(deliveries)))
    assert [moment for page in pages for moment in page] == moments(month.recorded, span)
    assert all(len(page) == limit for page in pages[:-1])


@settings(max_examples=1000 if EVERYTHING else 60)
@given(history, st.integers(0, 6), st.integers(0, 600))
def test_an_answer_holds_the_readings_up_to_its_version(
    batches: list[list[tuple[int, bool]]], projected: int, most: int
) -> None:
    month = month_of(batches)
    month.deliver(month.commits[:projected])
    series = DeviceSeries(month.queries, STREAM.tenant, "boiler", ["2026-03"], micros(NOON))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reads, "MOST_BEHIND", most)
        found = readings(series, Span(), 1000, None)
    shown = found.provenance.version
    sent = [each for place, each in enumerate(month.recorded) if place < sum(map(len, batches[:shown]))]
    assert found.value.entries == moments(sent, Span())
    assert shown >= min(projected + 1, len(batches))
    assert (found.provenance.staleness_ms == 0) is (shown == len(batches))
