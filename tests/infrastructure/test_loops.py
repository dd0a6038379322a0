"""Functions that feed themselves: Lambda stops those after 16 rounds that do not say they mean it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from banyan_tools.local.mappings import mappings
from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.permissions import role_of

SENDS = ("sqs:SendMessage", "sns:Publish", "s3:PutObject", "lambda:InvokeFunction")
"""What Lambda follows; it does not follow DynamoDB's streams and EventBridge."""


def sources(template: Template) -> dict[str, set[str]]:
    """ARNs of what invokes each function, by the function's ARN: itself, queues, topics and objects of buckets."""
    found = {function.arn: {function.arn} for function in template.resources("AWS::Lambda::Function")}
    by_name = {name: f.arn for f in template.resources("AWS::Lambda::Function") for name in (f.name, f.arn)}
    for mapping in mappings(template):
        found[by_name[mapping.function]].add(mapping.source_arn)
    for subscription in template.resources("AWS::SNS::Subscription"):
        if (endpoint := subscription.properties["Endpoint"]) in by_name:
            found[by_name[endpoint]].add(subscription.properties["TopicArn"])
    for bucket in template.resources("AWS::S3::Bucket"):
        for told in bucket.properties.get("NotificationConfiguration", {}).get("LambdaConfigurations", []):
            found[by_name[told["Function"]]].add(f"{bucket.arn}/key")
    return found


def sends_to(template: Template, function: Resource, targets: set[str]) -> bool:
    """Whether a function's role lets it send to one of some targets."""
    allowed = role_of(template, function).allowed
    pairs = [(action, target) for action in SENDS for target in targets if target.split(":")[2] == action.split(":")[0]]
    return any(fnmatchcase(a, action) and fnmatchcase(t, target) for action, target in allowed for a, t in pairs)


def feeding_themselves(template: Template) -> set[str]:
    """Logical ids of the functions that what they send may invoke again, through whatever others."""
    known, invokes = template.resources("AWS::Lambda::Function"), sources(template)
    nexts = {f.arn: {other for other, by in invokes.items() if sends_to(template, f, by)} for f in known}
    return {function.logical_id for function in known if function.arn in reached(nexts, function.arn)}


def reached(nexts: Mapping[str, set[str]], start: str) -> set[str]:
    """All that can be reached from somewhere in at least one step."""
    seen: set[str] = set()
    waiting = set(nexts[start])
    while waiting:
        seen |= waiting
        waiting = {after for one in waiting for after in nexts[one]} - seen
    return seen


def test_exactly_the_functions_that_feed_themselves_say_that_they_may(
    template: Template, functions: list[Resource]
) -> None:
    allowed = {f.logical_id for f in functions if f.properties.get("RecursiveLoop") == "Allow"}
    assert allowed == feeding_themselves(template) == {"RebuildWorker"}
    assert {f.properties.get("RecursiveLoop") for f in functions} == {"Allow", None}


ROLE = """
  Role{n}:
    Type: AWS::IAM::Role
    Properties:
      RoleName: role{n}
      Policies:
        - PolicyName: p
          PolicyDocument: {{Statement: [{{Effect: Allow, Action: [{action}], Resource: [{target}]}}]}}
  F{n}:
    Type: AWS::Serverless::Function
    Properties:
      {{CodeUri: one, Handler: app.handler, Runtime: python3.13, FunctionName: f{n}, Role: !GetAtt Role{n}.Arn}}
"""
QUEUE = """
  Q{n}: {{Type: AWS::SQS::Queue}}
  M{n}:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {{FunctionName: !Ref F{n}, EventSourceArn: !GetAtt Q{n}.Arn}}
"""
TOPIC = """
  Topic: {{Type: AWS::SNS::Topic}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {{TopicArn: !Ref Topic, Protocol: lambda, Endpoint: !GetAtt F{n}.Arn}}
"""
BUCKET = """
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration: {{LambdaConfigurations: [{{Event: "s3:ObjectCreated:*", Function: !GetAtt F{n}.Arn}}]}}
"""
OWN = '!Sub "arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:f1"'
LOOPS: Mapping[str, tuple[str, set[str]]] = {
    "its own queue": (ROLE + QUEUE, {"F1"}),
    "its own queue by a wildcard": ((ROLE + QUEUE).replace("{action}", '"sqs:*"').replace("{target}", '"*"'), {"F1"}),
    "another action": ((ROLE + QUEUE).replace("{action}", "sqs:ReceiveMessage"), set()),
    "its own topic": ((ROLE + TOPIC).replace("{action}", "sns:Publish").replace("{target}", "!Ref Topic"), {"F1"}),
    "its own bucket": (
        (ROLE + BUCKET).replace("{action}", "s3:PutObject").replace("{target}", '!Sub "${{Bucket.Arn}}/*"'),
        {"F1"},
    ),
    "itself": (ROLE.replace("{action}", "lambda:InvokeFunction").replace("{target}", OWN), {"F1"}),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_found_whatever_it_goes_through(name: str, tmp_path: Path) -> None:
    resources, expected = LOOPS[name]
    assert feeding_themselves(written(tmp_path, filled(resources, 1))) == expected


def test_a_loop_through_two_functions_is_found(tmp_path: Path) -> None:
    there = filled(ROLE + QUEUE, 1, target="!GetAtt Q2.Arn")
    back = filled(ROLE + QUEUE, 2, target="!GetAtt Q1.Arn")
    aside = filled(ROLE, 3, target="!GetAtt Q1.Arn")
    assert feeding_themselves(written(tmp_path, there + back + aside)) == {"F1", "F2"}


def filled(resources: str, number: int, **more: str) -> str:
    """Resources with their number, and with the number's own queue to send to unless told otherwise."""
    values: dict[str, Any] = {"action": "sqs:SendMessage", "target": f"!GetAtt Q{number}.Arn"} | more
    return resources.format(n=number, **values)


def written(folder: Path, resources: str) -> Template:
    """A template of some resources."""
    path = folder / "template.yaml"
    path.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{resources}")
    return Template(path, {})
