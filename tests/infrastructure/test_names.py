"""Names of resources: none breaks its service's rule, however long the name of the stack is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from banyan_tools.local import physical
from banyan_tools.local.template import Template
from banyan_tools.runtime.sandbox import load_template

Created = list[tuple[str, str, dict[str, Any]]]
LONGEST_STACK = "S" + "x" * 127
NAMES = {
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::ApiGatewayV2::Authorizer": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Lambda::Alias": ("Name", 128),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Lambda::LayerVersion": ("LayerName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Logs::MetricFilter": ("FilterName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
}
TEXTS = {"DisplayName": 100, "AlarmDescription": 1024, "Description": 256, "PolicyName": 128, "StageName": 128}
"""Lengths of texts into which a stack's name could get; of a description the shortest of all services."""
GENERATED = {
    "AWS::Logs::MetricFilter",
    "AWS::Lambda::Permission",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Version",
}
"""What CloudFormation knows by an id of its own, though its properties name others."""


@pytest.fixture(scope="module", params=[{}, {"LegacyStore": "dynamodb", "LegacyName": "orders"}])
def created(request: pytest.FixtureRequest, nested_in: Callable[[Template], dict[str, Any]]) -> Iterator[Created]:
    """What the stack with the longest legal name and its nested stack create: logical id, type, properties."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(physical.PSEUDO_PARAMETERS, "AWS::StackName", LONGEST_STACK)
        template = load_template(**request.param)
        found = [(r.logical_id, kind, r.properties) for kind in template.kinds for r in template.resources(kind)]
        nested = nested_in(template).items()
        yield found + [(name, body["Type"], body["Properties"]) for name, body in nested]


def texts(properties: Any) -> Iterator[tuple[str, str]]:
    """Every text under a property, at any depth."""
    parts = properties.items() if isinstance(properties, dict) else ()
    for name, value in parts:
        yield from [(name, value)] if isinstance(value, str) else texts(value)
    for value in properties if isinstance(properties, list) else ():
        yield from texts(value)


def test_every_name_fits_its_service(created: Created) -> None:
    names = {
        logical_id: (len(properties[NAMES[kind][0]]), NAMES[kind][1])
        for logical_id, kind, properties in created
        if kind in NAMES and NAMES[kind][0] in properties
    }
    assert names["HttpApi"] == (128, 128)
    assert {name: found for name, found in names.items() if found[0] > found[1]} == {}


def test_nothing_is_named_whose_limit_is_not_known(created: Created) -> None:
    unknown = {
        (kind, name)
        for _, kind, properties in created
        for name, value in properties.items()
        if isinstance(value, str)
        and LONGEST_STACK in value
        and (kind, name) not in {(k, n) for k, (n, _) in NAMES.items()}
    }
    assert {(kind, name) for kind, name in unknown if kind not in GENERATED} == set()


def test_every_text_that_a_stack_is_named_in_fits(created: Created) -> None:
    found = [(at, name, text) for at, _, p in created for name, text in texts(p) if name in TEXTS]
    assert [(at, name) for at, name, text in found if len(text) > TEXTS[name]] == []
