"""Each function may do what it does, and nothing else; no one may change the event table's past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.infrastructure.conftest import INGESTING

from banyan.adapters.settings import FunctionNames
from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.needs import TABLES, table_needs
from banyan_tools.runtime.permissions import Role, as_list, role_of
from banyan_tools.runtime.sandbox import folder_name, load_template

EVENTS = f"{TABLES}banyan-EventsTable"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/banyan"
CLAIMS = "arn:aws:s3:::banyan-claimsbucket"
CHANGES = ("UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete", "DeleteTable", "UpdateTable")
GRANTS: dict[str, dict[str, set[str]]] = {
    "command_api": {
        "EventsTable": {"Query", "BatchGetItem", "PutItem", "ConditionCheckItem"},
        "IdempotencyTable": {"GetItem", "PutItem"},
    },
    "query_api": {
        "EventsTable": {"Query"},
        "ViewsTable": {"BatchGetItem", "Query"},
        "ViewsTable/index/lookup1": {"BatchGetItem", "Query"},
        "ViewsTable/index/lookup2": {"BatchGetItem", "Query"},
        "ViewsTable/index/lookup3": {"BatchGetItem", "Query"},
        "CursorsTable": {"BatchGetItem"},
    },
    "projector": {
        "EventsTable": {"Query", "PutItem"},
        "EventsTable/stream/*": {"ListStreams"},
        "EventsTable/stream/latest": {"DescribeStream", "GetRecords", "GetShardIterator"},
        "ViewsTable": {
            "BatchGetItem",
            "Query",
            "PutItem",
            "PartiQLInsert",
            "PartiQLUpdate",
            "UpdateItem",
            "DeleteItem",
        },
        "EventsTable/index/log": {"Query"},
        "CursorsTable": {"GetItem", "BatchGetItem", "PutItem", "UpdateItem"},
        "CursorsTable/index/parked": {"Query"},
        "DigestsTable": {"BatchWriteItem"},
    },
    "reactor": {
        "EventsTable": {"Query", "BatchGetItem", "PutItem", "ConditionCheckItem"},
        "EventsTable/stream/*": {"ListStreams"},
        "EventsTable/stream/latest": {"DescribeStream", "GetRecords", "GetShardIterator"},
        "EventsTable/index/log": {"Query"},
        "CursorsTable": {"GetItem", "BatchGetItem", "PutItem", "UpdateItem"},
        "CursorsTable/index/parked": {"Query"},
        "DeadlinesTable": {"PutItem"},
        "TracesTable": {"PutItem"},
    },
    "rebuild_worker": {
        "EventsTable": {"Query", "PutItem"},
        "EventsTable/index/log": {"Query"},
        "ViewsTable": {
            "BatchGetItem",
            "Query",
            "PutItem",
            "PartiQLInsert",
            "PartiQLUpdate",
            "UpdateItem",
            "DeleteItem",
            "Scan",
            "BatchWriteItem",
        },
        "CursorsTable": {"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Scan", "BatchWriteItem"},
    },
    "change_marker": {
        "ViewsTable/stream/*": {"ListStreams"},
        "ViewsTable/stream/latest": {"DescribeStream", "GetRecords", "GetShardIterator"},
        "DigestsTable": {"BatchWriteItem"},
    },
    "reconciler": {
        "EventsTable": {"Query", "BatchGetItem", "PutItem"},
        "EventsTable/index/log": {"Query"},
        "ViewsTable": {"BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem"},
        "CursorsTable": {"GetItem", "BatchGetItem", "PutItem", "UpdateItem"},
        "CursorsTable/index/parked": {"Query"},
        "DigestsTable": {"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query"},
        "ReportsTable": {"PutItem"},
    },
    "deadlines": {
        "EventsTable": {"Query", "BatchGetItem", "PutItem", "ConditionCheckItem"},
        "DeadlinesTable": {"Query", "PutItem", "DeleteItem"},
    },
    "ingest": {"EventsTable": {"Query", "BatchGetItem", "PutItem", "ConditionCheckItem"}},
    "migration_controller": {
        "EventsTable": {"Query", "PutItem"},
        "MigrationTable": {"GetItem", "Query", "PutItem", "DeleteItem"},
    },
    "console": {
        "EventsTable": {"Query", "BatchGetItem", "PutItem", "ConditionCheckItem"},
        "EventsTable/index/log": {"Query"},
        "ViewsTable": {
            "BatchGetItem",
            "Query",
            "PutItem",
            "PartiQLInsert",
            "PartiQLUpdate",
            "UpdateItem",
            "DeleteItem",
        },
        "CursorsTable": {"GetItem", "BatchGetItem", "PutItem", "UpdateItem"},
        "CursorsTable/index/parked": {"Query"},
        "DeadlinesTable": {"Query", "PutItem", "DeleteItem"},
        "TracesTable": {"Query", "PutItem"},
        "ReportsTable": {"GetItem", "Query"},
        "DigestsTable": {"GetItem"},
    },
}
TELLING = {"reactor", "projector", "reconciler", "console"}
REACTING = {"reactor", "console"}
FORCED_BY_AWS = {
    ("dynamodb:ListStreams", f"{EVENTS}/stream/*"),
    ("dynamodb:ListStreams", f"{TABLES}banyan-ViewsTable/stream/*"),
    ("s3:PutObject", f"{CLAIMS}/*"),
}


def grants(template: Template) -> Iterator[tuple[str, str]]:
    """Every action and resource that any role or policy allows."""
    documents = [
        policy["PolicyDocument"]
        for role in template.resources("AWS::IAM::Role")
        for policy in role.properties["Policies"]
    ]
    documents += [policy.properties["PolicyDocument"] for policy in template.resources("AWS::IAM::ManagedPolicy")]
    for document in documents:
        for statement in document["Statement"]:
            assert statement.keys() <= {"Sid", "Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            yield from ((a, r) for a in as_list(statement["Action"]) for r in as_list(statement["Resource"]))


@pytest.mark.parametrize("change", CHANGES)
def test_no_role_can_change_or_remove_an_event(template: Template, change: str) -> None:
    request: dict[str, Any] = {"TableName": "banyan-EventsTable", "RequestItems": {"banyan-EventsTable": []}}
    roles = template.resources("AWS::IAM::Role")
    assert roles
    assert [role.logical_id for role in roles if not Role(role).missing(table_needs(change, request))] == []


def test_no_grant_on_the_event_table_writes_anything_but_new_items(template: Template) -> None:
    on_events = {action for action, resource in grants(template) if resource.startswith(EVENTS)}
    reads = {
        "Query",
        "BatchGetItem",
        "ConditionCheckItem",
        "ListStreams",
        "DescribeStream",
        "GetRecords",
        "GetShardIterator",
    }
    assert on_events == {f"dynamodb:{action}" for action in {*reads, "PutItem"}}


@pytest.mark.parametrize("function", GRANTS)
def test_a_function_has_the_grants_on_tables_that_it_needs(
    template: Template, functions: list[Resource], function: str
) -> None:
    resource = next(f for f in functions if folder_name(f) == function)
    found: dict[str, set[str]] = {}
    for action, target in role_of(template, resource).allowed:
        if action.startswith("dynamodb:"):
            name = target.removeprefix(f"{TABLES}banyan-")
            found.setdefault(name, set()).add(action.removeprefix("dynamodb:"))
    assert found == GRANTS[function]


def test_a_function_knows_the_tables_that_it_may_use(functions: list[Resource]) -> None:
    told = {
        folder_name(f): {n.removesuffix("_TABLE") for n in f.properties["Environment"]["Variables"] if "_TABLE" in n}
        for f in functions
    }
    assert told == {
        function: {table.split("/")[0].removesuffix("Table").upper() for table in tables if "/stream/" not in table}
        for function, tables in GRANTS.items()
    }


def test_only_those_who_tell_reach_the_bus_and_only_those_who_react_its_claims(
    template: Template, functions: list[Resource]
) -> None:
    allowed = {folder_name(f): set(role_of(template, f).allowed) for f in functions}
    assert {name for name, grants in allowed.items() if ("events:PutEvents", BUS) in grants} == TELLING
    assert {name for name, grants in allowed.items() if ("s3:PutObject", f"{CLAIMS}/*") in grants} == REACTING
    others = {action for grants in allowed.values() for action, _ in grants if action.startswith(("events:", "s3:"))}
    assert others == {"events:PutEvents", "s3:PutObject"}


def test_a_function_knows_the_bus_and_the_bucket_that_it_may_use(functions: list[Resource]) -> None:
    told = {folder_name(f): f.properties["Environment"]["Variables"] for f in functions}
    assert {name for name, variables in told.items() if "EVENT_BUS" in variables} == TELLING
    assert {name for name, variables in told.items() if "CLAIMS_BUCKET" in variables} == REACTING
    assert (told["reactor"]["EVENT_BUS"], told["reactor"]["CLAIMS_BUCKET"]) == ("banyan", "banyan-claimsbucket")


def test_only_the_console_starts_functions_and_knows_which(template: Template, functions: list[Resource]) -> None:
    started = {"reconciler": "banyan-Reconciler", "migration_controller": "banyan-MigrationController"}
    grants = {
        folder_name(f): {g for g in role_of(template, f).allowed if g[0].startswith("lambda:")} for f in functions
    }
    arns = {
        ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}") for name in started.values()
    }
    assert {name: found for name, found in grants.items() if found} == {"console": arns}
    console = next(f for f in functions if folder_name(f) == "console").properties["Environment"]["Variables"]
    assert FunctionNames.from_env(console).model_dump() == started


def test_the_console_reads_what_a_migration_keeps_only_while_there_is_one(template: Template) -> None:
    need = list(table_needs("Query", {"TableName": "banyan-MigrationTable"}))
    legacy = load_template(LegacyStore="dynamodb", LegacyName="orders")
    for found, missing in ((legacy, []), (template, need)):
        console = next(f for f in found.resources("AWS::Lambda::Function") if folder_name(f) == "console")
        assert role_of(found, console).missing(need) == missing


def test_wildcards_stand_only_where_aws_leaves_no_choice(template: Template) -> None:
    found = {(a, r) for a, r in grants(template) if "*" in a or "*" in r.removesuffix(":*")}
    assert found == FORCED_BY_AWS


def test_a_function_writes_to_its_own_log_only(template: Template, functions: list[Resource]) -> None:
    for function in functions:
        logs = {(a, r) for a, r in role_of(template, function).allowed if a.startswith("logs:")}
        group = f"log-group:{function.properties['LoggingConfig']['LogGroup']}:*"
        assert {action for action, _ in logs} == {"logs:CreateLogStream", "logs:PutLogEvents"}
        assert all(resource.endswith(group) for _, resource in logs)


def test_each_function_has_a_role_of_its_own_that_only_lambda_may_take(
    template: Template, functions: list[Resource]
) -> None:
    roles = template.resources("AWS::IAM::Role")
    assert sorted(f.properties["Role"] for f in functions) == sorted(role.arn for role in roles)
    for role in roles:
        (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
        assert role.properties["ManagedPolicyArns"] == []


@pytest.mark.parametrize(("tracing", "granted"), [("xray", {("xray:PutTraceSegments", "*")}), ("otlp", set())])
def test_only_functions_that_trace_to_x_ray_may_write_there(
    template: Template, tracing: str, granted: set[tuple[str, str]]
) -> None:
    traced = load_template(Tracing=tracing, **INGESTING)
    assert set(grants(traced)) - set(grants(template)) == granted
    policies = [role.properties["ManagedPolicyArns"] for role in traced.resources("AWS::IAM::Role")]
    assert all(arns == ["TracingPolicy"] * len(granted) for arns in policies)


def test_only_the_gateway_may_invoke_the_apis_and_only_its_own_schedule_another_function(template: Template) -> None:
    found = {
        (p.properties["FunctionName"], p.properties["Principal"]): p.properties["SourceArn"]
        for p in template.resources("AWS::Lambda::Permission")
    }
    assert found.keys() == {
        ("banyan-CommandApi", "apigateway.amazonaws.com"),
        ("banyan-QueryApi", "apigateway.amazonaws.com"),
        ("banyan-Console", "apigateway.amazonaws.com"),
        ("banyan-Reconciler", "events.amazonaws.com"),
        ("banyan-Deadlines", "events.amazonaws.com"),
        ("banyan-Projector", "events.amazonaws.com"),
        ("banyan-MigrationController", "events.amazonaws.com"),
        ("banyan-Reactor", "events.amazonaws.com"),
    }
    assert all(":HttpApi/" in arn or arn.endswith(f"{name}Schedule") for (name, _), arn in found.items())


DATABASE = {
    "LegacyStore": "postgres",
    "LegacyDatabaseSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s-1",
}
WITHOUT_DATABASE = {"projector", "rebuild_worker", "change_marker"}


def test_only_functions_that_meet_the_legacy_database_read_its_secret_and_no_other(template: Template) -> None:
    legacy = load_template(**DATABASE, **INGESTING)
    functions = legacy.resources("AWS::Lambda::Function")
    secrets = {
        folder_name(f): [(a, r) for a, r in role_of(legacy, f).allowed if a.startswith("secretsmanager:")]
        for f in functions
    }
    read = [("secretsmanager:GetSecretValue", DATABASE["LegacyDatabaseSecretArn"])]
    assert secrets == {name: [] if name in WITHOUT_DATABASE else read for name in secrets}
    assert not [action for action, _ in grants(template) if action.startswith("secretsmanager:")]


HANDLING = {
    "orders": {"GetItem", "UpdateItem"},
    "MigrationTable": {"GetItem", "PutItem", "DeleteItem", "ConditionCheckItem"},
}
WHOLE = {"BatchGetItem", "Scan", "DescribeTable"}
LEGACY_GRANTS: dict[str, dict[str, set[str]]] = {
    "command_api": HANDLING,
    "query_api": {"orders": {"GetItem"}, "MigrationTable": {"GetItem", "PutItem", "UpdateItem"}},
    "reactor": HANDLING,
    "deadlines": HANDLING,
    "ingest": HANDLING,
    "reconciler": {"orders": HANDLING["orders"] | WHOLE, "MigrationTable": HANDLING["MigrationTable"] | {"Query"}},
    "console": {"orders": HANDLING["orders"] | WHOLE, "MigrationTable": HANDLING["MigrationTable"] | {"Query"}},
    "migration_controller": {
        "orders": HANDLING["orders"] | WHOLE | {"PutItem"},
        "MigrationTable": HANDLING["MigrationTable"] | {"Query"},
    },
    "projector": {},
    "rebuild_worker": {},
    "change_marker": {},
}


@pytest.mark.parametrize("function", LEGACY_GRANTS)
def test_a_function_has_the_grants_on_a_legacy_table_that_it_needs(function: str) -> None:
    legacy = load_template(LegacyStore="dynamodb", LegacyName="orders", **INGESTING)
    resource = next(f for f in legacy.resources("AWS::Lambda::Function") if folder_name(f) == function)
    found: dict[str, set[str]] = {}
    for action, target in role_of(legacy, resource).allowed:
        name = target.removeprefix(TABLES).removeprefix("banyan-")
        if action.startswith("dynamodb:") and name in ("orders", "MigrationTable"):
            found.setdefault(name, set()).add(action.removeprefix("dynamodb:"))
    assert found == LEGACY_GRANTS[function]


def test_no_function_finds_a_password_in_its_environment() -> None:
    for function in load_template(**DATABASE, LegacyUrl="postgresql://ann:hunter2@db/orders").resources(
        "AWS::Lambda::Function"
    ):
        variables = function.properties["Environment"]["Variables"]
        assert "BANYAN_LEGACY_URL" not in variables
        assert "hunter2" not in str(variables)


def test_queries_of_a_domain_that_answers_from_rows_alone_have_no_way_to_the_event_table() -> None:
    template = load_template(QueriesReadEvents="off")
    (query_api,) = [f for f in template.resources("AWS::Lambda::Function") if f.name == "banyan-QueryApi"]
    assert "EVENTS_TABLE" not in query_api.properties["Environment"]["Variables"]
    assert [target for _, target in role_of(template, query_api).allowed if "EventsTable" in target] == []
