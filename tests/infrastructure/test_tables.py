"""The tables: their keys, and how they are protected."""

from __future__ import annotations

from typing import Any

import pytest

from banyan_tools.local.template import Template
from banyan_tools.runtime.sandbox import load_template

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
STATEFUL = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
NUMBERS = {"position", "log_bucket", "bucket"}


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
def test_every_table_is_paid_by_use_encrypted_and_restorable(tables: dict[str, Any], name: str) -> None:
    table = tables[name]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("protection", ["true", "false"])
def test_tables_are_protected_against_deletion_when_the_parameter_says_so(protection: str) -> None:
    found = load_template(DeletionProtection=protection).resources("AWS::DynamoDB::Table")
    assert {table.properties["DeletionProtectionEnabled"] for table in found} == {protection}


def test_a_first_deployment_that_fails_can_roll_back(written: dict[str, Any]) -> None:
    """CloudFormation cannot delete a protected table, nor should it leave behind what it created itself."""
    assert written["Parameters"]["DeletionProtection"]["Default"] == "false"
    assert kept(written) == {name for name, body in written["Resources"].items() if body["Type"] in STATEFUL}
    assert {body.get("DeletionPolicy") for body in written["Resources"].values()} == {
        None,
        "Delete",
        "RetainExceptOnCreate",
    }


def kept(written: dict[str, Any]) -> set[str]:
    """What outlives the stack, unless its own creation failed."""
    policies = {
        name: (b.get("DeletionPolicy"), b.get("UpdateReplacePolicy")) for name, b in written["Resources"].items()
    }
    return {name for name, found in policies.items() if found == ("RetainExceptOnCreate", "Retain")}


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
    assert expiring == dict.fromkeys(("IdempotencyTable", "MigrationTable", "TracesTable", "ViewsTable"), expected)
