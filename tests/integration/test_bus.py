"""What a domain publishes, and notices, on the bus: all of it, whatever its size and however often the bus says no."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.support.clocks import ManualClock, no_sleep
from tests.support.ledger import REGISTRY, Deposited, Withdrawn, account, bulk, deposits, noise

from banyan.adapters.clients import events_client, s3_client
from banyan.adapters.event_bus import (
    ATTEMPTS,
    ENVELOPE_BYTES,
    MAX_ENTRIES,
    ClaimChecks,
    Entry,
    EventBridgeNotices,
    EventBus,
    EventPublisher,
)
from banyan.adapters.settings import Settings
from banyan.domain import Domain
from banyan.errors import NotPublished, StoreUnavailable
from banyan.events import CamelModel, DomainEvent, Event, Metadata
from banyan.store import Commit, EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan_tools.local.engine import moto_engine
from banyan_tools.local.physical import REGION

LIMIT = Settings().bus_entry_bytes
CLAIMS = "claims"
LEDGER = Domain("ledger", REGISTRY, [], published={Deposited: True, Withdrawn: True})
A = account("a")
METADATA = Metadata(correlation_id="c-1", causation_id="r-1", actor="ann")

Request = Sequence[Mapping[str, Any]]


class Refusing:
    """A client of the bus that passes requests on, but for the answers it is given.

    Parameters
    ----------
    published : list[Mapping]
        Takes what the bus accepted.
    answers : Sequence[Mapping | Exception]
        For each request: error codes by place of the entry, or what is raised.
    """

    def __init__(self, published: list[Mapping[str, Any]], *answers: Mapping[int, str] | Exception) -> None:
        self.requests: list[Request] = []
        self._published = published
        self._answers = list(answers)
        self._client = events_client()

    def put_events(self, Entries: Request) -> dict[str, Any]:  # noqa: N803
        self.requests.append(Entries)
        answer = self._answers.pop(0) if self._answers else {}
        if isinstance(answer, Exception):
            raise answer
        accepted: Any = [entry for place, entry in enumerate(Entries) if place not in answer]
        if accepted:
            assert self._client.put_events(Entries=accepted)["FailedEntryCount"] == 0
            self._published += accepted
        results = [{"ErrorCode": answer[i]} if i in answer else {"EventId": str(i)} for i in range(len(Entries))]
        return {"FailedEntryCount": len(answer), "Entries": results}

    @property
    def sizes(self) -> list[int]:
        """Entries of each request."""
        return [len(request) for request in self.requests]


class Income(CamelModel):
    """What others may know of a deposit."""

    total_amount: int
    memo: str = ""


def income(deposited: Deposited) -> Income | None:
    """What is public of a deposit; a small one is private."""
    return Income(total_amount=deposited.amount, memo=deposited.note) if deposited.amount >= 10 else None


class Outside:
    """A bus, a bucket, and someone who looks at both."""

    def __init__(self) -> None:
        self._published: list[Mapping[str, Any]] = []
        self._s3 = boto3.client("s3")
        self._s3.create_bucket(Bucket=CLAIMS, CreateBucketConfiguration={"LocationConstraint": REGION})
        boto3.client("events").create_event_bus(Name="news")

    def bus(self, *answers: Mapping[int, str] | Exception) -> Refusing:
        """A client of the bus that gives these answers first."""
        return Refusing(self._published, *answers)

    def heard(self) -> list[dict[str, Any]]:
        """What was published since it was last asked."""
        found = [{**entry, "Detail": json.loads(entry["Detail"])} for entry in self._published]
        assert {entry["EventBusName"] for entry in found} <= {"news"}
        self._published.clear()
        return found

    def claimed(self, detail: Mapping[str, Any]) -> bytes:
        """The object of a claim."""
        claim = detail["claim"]
        return self._s3.get_object(Bucket=claim["bucket"], Key=claim["key"])["Body"].read()

    def objects(self) -> list[str]:
        """Keys of everything in the bucket."""
        return [found["Key"] for found in self._s3.list_objects_v2(Bucket=CLAIMS).get("Contents", [])]


@pytest.fixture
def outside() -> Iterator[Outside]:
    with moto_engine():
        yield Outside()


def publisher(client: Refusing, limit: int = LIMIT, domain: Domain = LEDGER) -> EventPublisher:
    """A publisher on the bus of this client."""
    return EventPublisher(bus(client, limit), ClaimChecks(s3_client, CLAIMS), domain)


def bus(client: Refusing, limit: int = LIMIT) -> EventBus:
    """The bus behind this client."""
    return EventBus(lambda: cast(Any, client), "news", limit, no_sleep)


def recorded(events: Sequence[DomainEvent], stream: StreamId = A) -> tuple[Commit, tuple[Event, ...]]:
    """A commit of these events."""
    store = EventStore(MemoryTable(), REGISTRY, ManualClock(), no_sleep)
    appended = store.append(stream, store.head(stream), events, commit_id="commit", metadata=METADATA)
    return list(store.commits(stream))[-1], tuple(appended.events)


def details(heard: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Details in the order of their versions."""
    return sorted((each["Detail"] for each in heard), key=lambda detail: detail["version"])


def test_every_event_is_published_whole_under_its_type_and_domain(outside: Outside) -> None:
    commit, events = recorded(deposits(1, 2))
    publisher(outside.bus()).act(commit, events)
    heard = outside.heard()
    assert {(each["Source"], each["DetailType"]) for each in heard} == {("banyan.ledger", "Deposited")}
    assert details(heard) == [json.loads(event.model_dump_json(by_alias=True)) for event in events]
    assert [detail["eventId"] for detail in details(heard)] == [event.event_id for event in events]
    assert details(heard)[0]["metadata"]["correlationId"] == "c-1"


def test_only_what_the_domain_publishes_is_public(outside: Outside) -> None:
    commit, events = recorded([*deposits(9, 12, note="rent"), Withdrawn(amount=1)])
    discreet = replace(LEDGER, published={Deposited: income})
    client = outside.bus()
    publisher(client, domain=discreet).act(commit, events)
    (heard,) = outside.heard()
    whole = json.loads(events[1].model_dump_json(by_alias=True))
    assert heard["DetailType"] == "Deposited"
    assert heard["Detail"] == {**whole, "payload": {"totalAmount": 12, "memo": "rent"}}
    publisher(client, domain=replace(LEDGER, published={})).act(commit, events)
    assert client.sizes == [1]


def test_a_claim_holds_the_public_content_alone(outside: Outside) -> None:
    commit, events = recorded(deposits(10, note=noise(LIMIT)))
    publisher(outside.bus(), domain=replace(LEDGER, published={Deposited: income})).act(commit, events)
    (heard,) = outside.heard()
    claimed = json.loads(outside.claimed(heard["Detail"]))
    assert claimed["payload"] == {"totalAmount": 10, "memo": noise(LIMIT)}


def test_many_events_go_in_batches_of_ten_that_fit_into_a_request(outside: Outside) -> None:
    commit, events = recorded(deposits(*range(1, 24)))
    client = outside.bus()
    publisher(client).act(commit, events)
    assert client.sizes == [MAX_ENTRIES, MAX_ENTRIES, 3]
    assert [detail["version"] for detail in details(outside.heard())] == list(range(1, 24))

    commit, events = recorded(bulk(9, LIMIT // 4))
    client = outside.bus()
    publisher(client).act(commit, events)
    assert client.sizes == [3, 3, 3]
    for request in client.requests:
        assert sum(len(entry["Detail"]) + ENVELOPE_BYTES for entry in request) <= LIMIT


def test_only_what_was_not_accepted_is_put_again(outside: Outside) -> None:
    commit, events = recorded(deposits(*range(1, 6)))
    client = outside.bus({1: "ThrottlingException", 3: "InternalFailure"}, {0: "ThrottlingException"})
    publisher(client).act(commit, events)
    assert client.sizes == [5, 2, 1]
    assert [detail["version"] for detail in details(outside.heard())] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "answers",
    [
        [{0: "ThrottlingException"}] * ATTEMPTS,
        [ConnectionClosedError(endpoint_url="https://events")],
        [ClientError({"Error": {"Code": "InternalException"}}, "PutEvents")],
    ],
)
def test_what_stays_unpublished_is_an_outage_and_a_repeat_publishes_the_same_event_ids(
    outside: Outside, answers: list[Any]
) -> None:
    commit, events = recorded(deposits(1, 2))
    client = outside.bus(*answers)
    with pytest.raises(StoreUnavailable):
        publisher(client).act(commit, events)
    publisher(client).act(commit, events)
    heard = {detail["eventId"] for detail in details(outside.heard())}
    assert heard == {event.event_id for event in events}


def test_what_the_bus_will_never_accept_is_the_streams_own_error(outside: Outside) -> None:
    commit, events = recorded(deposits(1, 2))
    with pytest.raises(NotPublished, match="refused a Deposited: MalformedDetail"):
        publisher(outside.bus({1: "MalformedDetail"})).act(commit, events)
    assert [detail["version"] for detail in details(outside.heard())] == [1]


def test_an_event_beyond_the_limit_is_claimed_and_comes_back_unaltered(outside: Outside) -> None:
    commit, events = recorded(deposits(1, note="Köln" + noise(LIMIT)))
    for _ in range(2):
        publisher(outside.bus()).act(commit, events)
    first, again = outside.heard()
    assert first["Detail"] == again["Detail"]
    detail = first["Detail"]
    assert "payload" not in detail
    assert (detail["eventId"], detail["streamId"], detail["version"]) == (events[0].event_id, "acme:account:a", 1)
    content = outside.claimed(detail)
    assert content == events[0].model_dump_json(by_alias=True).encode()
    assert (detail["claim"]["sha256"], detail["claim"]["size"]) == (sha256(content).hexdigest(), len(content))
    assert outside.objects() == [f"acme/account/a/1/{events[0].event_id}"]


def test_an_event_at_the_limit_is_not_claimed_and_one_byte_more_is(outside: Outside) -> None:
    commit, events = recorded(deposits(1, note="ü" * 3000))
    detail = events[0].model_dump_json(by_alias=True).encode()
    size = Entry("Deposited", detail, "banyan.ledger", events[0].timestamp).size
    publisher(outside.bus(), limit=size).act(commit, events)
    assert outside.objects() == []
    publisher(outside.bus(), limit=size - 1).act(commit, events)
    assert len(outside.objects()) == 1
    assert ["claim" in each["Detail"] for each in outside.heard()] == [False, True]


def test_without_its_object_no_claim_is_published(outside: Outside) -> None:
    commit, events = recorded(deposits(1, note=noise(LIMIT)))
    lost = EventPublisher(bus(outside.bus()), ClaimChecks(s3_client, "missing"), LEDGER)
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        lost.act(commit, events)
    assert outside.heard() == []


def test_a_notice_goes_over_the_bus_and_one_that_does_not_is_no_secret(outside: Outside) -> None:
    EventBridgeNotices(bus(outside.bus())).send("ProjectionPaused", {"projection": "order", "version": 7})
    (notice,) = outside.heard()
    assert (notice["Source"], notice["DetailType"]) == ("banyan", "ProjectionPaused")
    assert notice["Detail"] == {"projection": "order", "version": 7}
    with pytest.raises(StoreUnavailable, match="left 1 message for later, the first a ProjectionPaused"):
        EventBridgeNotices(bus(outside.bus(*[{0: "ThrottlingException"}] * ATTEMPTS))).send("ProjectionPaused", {})


def test_an_entry_is_measured_in_bytes_as_eventbridge_does_it() -> None:
    assert Entry("Gelöscht", '{"ü":1}'.encode(), "bänyan").size == 14 + 9 + 8 + 7 + ENVELOPE_BYTES
