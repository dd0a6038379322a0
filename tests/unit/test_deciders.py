"""The ready-made deciders: who has a value, which number comes next, which shard is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.support.clocks import START

from banyan import Conflict, Decider
from banyan.deciders.counters import COUNTER, Counter, NumberDrawn, draw
from banyan.deciders.shards import Shards
from banyan.deciders.unique import UNIQUE, UniqueValue, ValueClaimed, ValueReleased, claim, release, unique
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent

LATER = START + timedelta(days=1)


def value(*events: DomainEvent) -> UniqueValue:
    return UNIQUE.fold(events)


def test_a_value_belongs_to_one_owner_at_a_time() -> None:
    assert claim(value(), "ann") == [ValueClaimed(owner="ann")]
    anns = value(ValueClaimed(owner="ann"))
    assert claim(anns, "ann") == []
    with pytest.raises(Conflict) as taken:
        claim(anns, "bob")
    assert taken.value.code == "value_taken"


def test_only_its_owner_gives_it_up() -> None:
    anns = value(ValueClaimed(owner="ann"))
    assert release(anns, "bob") == []
    assert release(value(), "ann") == []
    assert release(anns, "ann", LATER) == [ValueReleased(reserved_until=LATER)]
    assert claim(value(ValueClaimed(owner="ann"), ValueReleased()), "bob") == [ValueClaimed(owner="bob")]


@pytest.mark.parametrize(
    ("owner", "now", "code"),
    [
        ("ann", START, None),
        ("bob", START, "value_reserved"),
        ("bob", None, "value_reserved"),
        ("bob", LATER - timedelta(microseconds=1), "value_reserved"),
        ("bob", LATER, None),
    ],
)
def test_the_last_owner_has_time_to_take_it_back(owner: str, now: datetime | None, code: str | None) -> None:
    free = value(ValueClaimed(owner="ann"), ValueReleased(reserved_until=LATER))
    if code is None:
        assert claim(free, owner, now) == [ValueClaimed(owner=owner)]
        return
    with pytest.raises(Conflict) as refused:
        claim(free, owner, now)
    assert refused.value.code == code


def test_a_reservation_ends_with_the_next_claim() -> None:
    taken_over = value(
        ValueClaimed(owner="ann"), ValueReleased(reserved_until=START), ValueClaimed(owner="bob"), ValueReleased()
    )
    assert claim(taken_over, "ann", START) == [ValueClaimed(owner="ann")]


def test_any_text_is_a_value_and_none_is_stored() -> None:
    ids = {unique("email", text).id for text in ("", "a@b.example", "A@b.example", "ü" * 10_000, "x:y", "a@b.example")}
    assert len(ids) == 5
    assert all(len(id) == len("email-") + 64 for id in ids)
    assert unique("email", "a").id != unique("name", "a").id


@pytest.mark.parametrize("kind", ["", "user name", "user-name", "a:b", ".a"])
def test_a_kind_is_a_name(kind: str) -> None:
    with pytest.raises(ConfigurationError):
        unique(kind, "a")


def test_numbers_follow_one_another() -> None:
    assert draw(Counter()) == NumberDrawn(number=1)
    assert draw(COUNTER.fold([NumberDrawn(number=1), NumberDrawn(number=2)])) == NumberDrawn(number=3)


@pytest.mark.parametrize("decider", [UNIQUE, COUNTER], ids=lambda decider: decider.entity)
def test_they_take_no_commands_of_their_own(decider: Decider[object, object]) -> None:  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="in a decision"):
        decider.decide(object(), decider.initial())


def test_a_key_has_one_shard_and_all_are_used() -> None:
    shards = Shards(COUNTER, "gate", 4)
    asked = {f"k{number}": shards.one(f"k{number}").id for number in range(100)}
    assert set(asked.values()) == {each.id for each in shards.all("gate").values()}
    assert {key: shards.one(key).id for key in asked} == asked
    assert sorted(shards.all("gate")) == ["gate.0", "gate.1", "gate.2", "gate.3"]
