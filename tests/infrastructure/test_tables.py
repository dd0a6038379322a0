"""The tables: their keys, and how they are protected."""

from __future__ import annotations

from typing import Any

import pytest
from tools.local.template import Template

Keys = tuple[str, ...]
LOOKUPS = {f"lookup{number}": (f"lookup{number}", f"lookup{number}_sort") for number in (1, 2, 3)}
TABLES: dict[str, dict[str, Keys]] = {
    "EventsTable": {"": ("stream", "position"), "log": ("log_bucket", "log_key")},
    "ViewsTable": {"": ("row", "sort"), **LOOKUPS},
    "CursorsTable": {"": ("cursor",), "parked": ("parked_projection", "parked_at")},
    "IdempotencyTable": {"": ("key",)},
    "ReportsTable": {"": ("report", "started_at")},
    "DigestsTable": {"": ("part", "cell")},
    "MigrationTable": {"": ("part", "item")},
    "DeadlinesTable": {"": ("bucket", "due")},
    "TracesTable": {"": ("trace", "entry")},
}
NUMBERS = {"position", "log_bucket", "bucket"}
KEPT = {"EventsTable", "ReportsTable", "MigrationTable", "DeadlinesTable"}


@pytest.fixture(scope="module")
def tables(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of every table."""
    return {table.logical_id: table.properties for table in template.resources("AWS::DynamoDB::Table")}


def keys(schema: list[dict[str, str]]) -> Keys:
    """Names of a key's attributes, the partition first."""
    assert [part["KeyType"] for part in schema] == ["HASH", "RANGE"][: len(schema)]
    return tuple(part["AttributeName"] for part in schema)


def test_there_are_these_tables_and_no_others(tables: dict[str, Any]) -> None:
    assert tables.keys() == TABLES.keys()


@pytest.mark.parametrize("name", TABLES)
def test_keys(tables: dict[str, Any], name: str) -> None:
    table = tables[name]
    indexes = {index["IndexName"]: keys(index["KeySchema"]) for index in table.get("GlobalSecondaryIndexes", [])}
    assert {"": keys(table["KeySchema"]), **indexes} == TABLES[name]
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table["AttributeDefinitions"]}
    named = {attribute for found in TABLES[name].values() for attribute in found}
    assert types == {attribute: "N" if attribute in NUMBERS else "S" for attribute in named}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_paid_by_use_encrypted_restorable_and_cannot_be_deleted(
    tables: dict[str, Any], name: str
) -> None:
    table = tables[name]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", TABLES)
def test_what_cannot_be_made_again_outlives_the_stack(written: dict[str, Any], name: str) -> None:
    policy = "Retain" if name in KEPT else "Delete"
    table = written["Resources"][name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == (policy, policy)


def test_the_stream_of_the_event_table_shows_what_was_there_before(tables: dict[str, Any]) -> None:
    assert tables["EventsTable"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert tables["ViewsTable"]["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert {name for name, table in tables.items() if "StreamSpecification" in table} == {"EventsTable", "ViewsTable"}


def test_the_log_index_holds_keys_only_and_the_others_whole_rows(tables: dict[str, Any]) -> None:
    found = {
        index["IndexName"]: index["Projection"]["ProjectionType"]
        for table in tables.values()
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    assert found == {"log": "KEYS_ONLY", "parked": "ALL", **dict.fromkeys(LOOKUPS, "ALL")}


def test_only_what_is_of_use_for_a_while_expires(tables: dict[str, Any]) -> None:
    expiring = {name: t["TimeToLiveSpecification"] for name, t in tables.items() if "TimeToLiveSpecification" in t}
    expected = {"AttributeName": "expires_at", "Enabled": True}
    assert expiring == dict.fromkeys(("IdempotencyTable", "MigrationTable", "TracesTable"), expected)
