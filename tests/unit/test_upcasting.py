"""The registry, and the upcasters that read old schema versions."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from tests.support.ledger import REGISTRY, Deposited

from banyan.errors import ConfigurationError, InvalidEvent, UnknownEventType, UnsupportedSchemaVersion
from banyan.events import Data, DomainEvent, EventRegistry, Upcaster


class Moved(DomainEvent):
    """Version 1 had ``to``, version 2 ``street``; version 3 knows the country."""

    schema_version: ClassVar[int] = 3

    street: str
    country: str


def street_from_to(data: Data) -> Data:
    return {"street": data["to"]}


def country_by_default(data: Data) -> Data:
    return {**data, "country": "UK"}


FROM_1, FROM_2 = Upcaster("Moved", 1, street_from_to), Upcaster("Moved", 2, country_by_default)
MOVES = EventRegistry([Moved, Deposited], [FROM_2, FROM_1])


@pytest.mark.parametrize(
    ("version", "stored"),
    [(1, {"to": "Elm St"}), (2, {"street": "Elm St"}), (3, {"street": "Elm St", "country": "UK"})],
)
def test_reads_every_version_through_the_rest_of_the_chain(version: int, stored: Data) -> None:
    assert MOVES.decode("Moved", version, stored) == Moved(street="Elm St", country="UK")


def test_upcasts_one_event_and_leaves_the_others() -> None:
    assert MOVES.decode("Deposited", 1, {"amount": 5}) == Deposited(amount=5)


def test_leaves_the_stored_data_as_it_is() -> None:
    stored: dict[str, Any] = {"to": "Elm St"}
    MOVES.decode("Moved", 1, stored)

    assert stored == {"to": "Elm St"}


def test_lists_its_types() -> None:
    assert MOVES.event_types == ("Deposited", "Moved")


def test_names_a_type_it_does_not_know() -> None:
    with pytest.raises(UnknownEventType, match="unknown event type 'Married'") as caught:
        MOVES.decode("Married", 1, {})
    assert caught.value.event_type == "Married"


def test_names_the_version_that_is_too_new() -> None:
    with pytest.raises(UnsupportedSchemaVersion, match="Moved has schema version 4, this code reads up to 3") as caught:
        MOVES.decode("Moved", 4, {})
    assert (caught.value.event_type, caught.value.found, caught.value.supported) == ("Moved", 4, 3)


@pytest.mark.parametrize(
    ("stored", "named"),
    [({"street": "Elm St"}, "country"), ({"street": "Elm St", "country": 44}, "country")],
)
def test_names_the_event_and_field_that_do_not_fit_but_not_the_content(stored: Data, named: str) -> None:
    with pytest.raises(InvalidEvent, match=rf"stored Moved does not fit its class: {named}") as caught:
        MOVES.decode("Moved", 3, stored)
    assert "Elm" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "stored", "remedy"),
    [
        (3, {"street": "Elm St"}, "If the class was changed, set its schema_version to 4 and add an Upcaster from 3"),
        (2, {}, "Mend what lifts it from schema version 2: its Upcaster"),
        (1, {}, "cannot be lifted: mend its Upcaster"),
    ],
)
def test_says_how_to_read_again_what_was_stored(version: int, stored: Data, remedy: str) -> None:
    with pytest.raises(InvalidEvent, match=f"{remedy}$"):
        MOVES.decode("Moved", version, stored)


def test_refuses_to_record_what_it_could_not_read() -> None:
    MOVES.check(Deposited(amount=5))
    with pytest.raises(UnknownEventType, match="Moved"):
        REGISTRY.check(Moved(street="Elm St", country="UK"))


def test_refuses_to_record_another_class_of_the_same_name() -> None:
    class Deposited(DomainEvent):
        amount: int

    with pytest.raises(UnknownEventType, match="Deposited"):
        REGISTRY.check(Deposited(amount=5))


@pytest.mark.parametrize(
    ("events", "upcasters", "message"),
    [
        ([Deposited, Deposited], [], "two events are named 'Deposited'"),
        ([Moved], [FROM_1], "Moved needs an upcaster from schema version 2"),
        ([Moved], [FROM_2], "Moved needs an upcaster from schema version 1"),
        ([Deposited], [FROM_1], "the upcaster of Moved from schema version 1 is of no use"),
        ([Moved], [FROM_1, FROM_2, Upcaster("Moved", 3, street_from_to)], "from schema version 3 is of no use"),
    ],
)
def test_refuses_a_registry_with_a_gap(
    events: list[type[DomainEvent]], upcasters: list[Upcaster], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EventRegistry(events, upcasters)
