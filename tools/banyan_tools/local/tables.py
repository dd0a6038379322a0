"""The template's tables, created in whichever engine answers."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from banyan_tools.local.errors import StackError
from banyan_tools.local.template import Resource

CREATED_WITH = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)


def create_tables(tables: list[Resource]) -> None:
    """Create the tables that do not exist yet.

    Raises
    ------
    StackError
        The engine refuses a table, or one is kept from an earlier run and has other keys or indexes than the template.
    """
    client = boto3.client("dynamodb")
    existing = {name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]}
    for table in tables:
        if table.name in existing:
            check(table, client.describe_table(TableName=table.name)["Table"])
        else:
            create(client, table)


def create(client: Any, table: Resource) -> None:
    """Create one table, with its stream and time to live."""
    try:
        client.create_table(TableName=table.name, **creation(table.properties))
        if ttl := table.properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)
    except (BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())
        raise StackError(f"The table {table.logical_id} cannot be created: {reason}.") from None


def creation(properties: dict[str, Any]) -> dict[str, Any]:
    """Return what the engines understand of a table's properties, as arguments of ``CreateTable``."""
    arguments = {name: properties[name] for name in CREATED_WITH if name in properties}
    if stream := properties.get("StreamSpecification"):
        arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
    return arguments


def check(table: Resource, existing: Any) -> None:
    """Refuse a table that was made from another template.

    Raises
    ------
    StackError
        Its keys or its indexes differ.
    """
    if shape(table.properties) != shape(existing):
        raise StackError(
            f"The table {table.name} was kept from an earlier template with other keys or indexes:"
            " remove the data folder and start again."
        )


def shape(table: Any) -> dict[str, Any]:
    """Return a table's keys by index name; its own stand under the empty name."""
    indexes = [*table.get("GlobalSecondaryIndexes", []), *table.get("LocalSecondaryIndexes", [])]
    return {"": table["KeySchema"]} | {index["IndexName"]: index["KeySchema"] for index in indexes}
