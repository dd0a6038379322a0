"""Names of streams."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from banyan.errors import InvalidStreamId
from banyan.streams import MAX_STREAM_BYTES, RESERVED_TENANTS, StreamHead, StreamId, caller_tenant

JSON = TypeAdapter(StreamId)

parts = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)
BAD_PARTS = ["", "-a", ".a", "_a", "a b", "a/b", "a#b", "ä", "a\n", "a\x00", "٣"]


@given(parts, parts, parts)
def test_text_round_trip(tenant: str, entity: str, name: str) -> None:
    stream = StreamId(tenant, entity, name)

    assert str(stream) == f"{tenant}:{entity}:{name}"
    assert StreamId.parse(str(stream)) == stream


@given(parts, parts, parts)
def test_json_round_trip(tenant: str, entity: str, name: str) -> None:
    stream = StreamId(tenant, entity, name)

    assert JSON.dump_json(stream).decode() == f'"{stream}"'
    assert JSON.validate_json(JSON.dump_json(stream)) == stream


@pytest.mark.parametrize("bad", [*BAD_PARTS, "a:b"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_refuses_a_bad_part_wherever_it_stands(bad: str, place: int) -> None:
    names = ["acme", "order", "1"]
    names[place] = bad

    with pytest.raises(InvalidStreamId):
        StreamId(*names)


@pytest.mark.parametrize("bad", [5, None, ["a"]])
def test_refuses_what_is_not_text(bad: Any) -> None:
    with pytest.raises(InvalidStreamId, match=r"id .* is invalid"):
        StreamId("acme", "order", bad)


@pytest.mark.parametrize("text", ["", "acme", "acme:order", "acme:order:1:2", "acme::1", ":order:1", "acme:order:"])
def test_refuses_text_that_has_not_three_parts(text: str) -> None:
    with pytest.raises(InvalidStreamId):
        StreamId.parse(text)
    with pytest.raises(ValidationError, match=r"tenant:entity:id|is invalid"):
        JSON.validate_python(text)


def test_holds_512_bytes_and_no_more() -> None:
    longest = "x" * (MAX_STREAM_BYTES - len("acme:order:"))

    assert len(str(StreamId("acme", "order", longest))) == 512
    with pytest.raises(InvalidStreamId, match="at most 512 bytes, this one has 513"):
        StreamId("acme", "order", f"{longest}x")


@pytest.mark.parametrize("tenant", sorted(RESERVED_TENANTS))
def test_a_reserved_tenant_names_streams_but_no_caller(tenant: str) -> None:
    assert StreamId(tenant, "migration", "order").tenant == tenant
    with pytest.raises(InvalidStreamId):
        caller_tenant(tenant)


@pytest.mark.parametrize("reserved", sorted(RESERVED_TENANTS))
def test_a_reserved_name_is_no_entity_and_no_id(reserved: str) -> None:
    with pytest.raises(InvalidStreamId):
        StreamId("acme", reserved, "1")
    with pytest.raises(InvalidStreamId):
        StreamId("acme", "order", reserved)


@pytest.mark.parametrize("tenant", [*BAD_PARTS, "a:b"])
def test_refuses_a_caller_of_no_valid_tenant(tenant: str) -> None:
    with pytest.raises(InvalidStreamId):
        caller_tenant(tenant)


def test_accepts_a_callers_tenant_as_it_is() -> None:
    assert caller_tenant("Acme-2.eu") == "Acme-2.eu"


def test_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        StreamId("acme", "order", "1").tenant = "other"  # type: ignore[misc]


def test_an_empty_stream_begins_at_version_0() -> None:
    head = StreamHead.empty(StreamId("acme", "order", "1"))

    assert (head.version, head.digest) == (0, "0" * 64)
