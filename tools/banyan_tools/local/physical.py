"""What resources are called locally: names, ``Ref`` values and attributes, as CloudFormation gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from banyan_tools.local.errors import StackError

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
STACK = "banyan"
FIRST_VERSION: Final = "1"
"""Of a function; none is published twice here."""

PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Kind:
    """How a resource type is named: its name property, its ARN behind ``arn:aws:``, its ``Ref``."""

    name_property: str
    arn: str
    ref: str = "{name}"


KINDS = {
    "AWS::DynamoDB::Table": Kind("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Events::EventBus": Kind("Name", "events:{region}:{account}:event-bus/{name}"),
    "AWS::Events::Rule": Kind("Name", "events:{region}:{account}:rule/{name}"),
    "AWS::IAM::Role": Kind("RoleName", "iam::{account}:role/{name}"),
    "AWS::Kinesis::Stream": Kind("Name", "kinesis:{region}:{account}:stream/{name}"),
    "AWS::Lambda::Function": Kind("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::Logs::LogGroup": Kind("LogGroupName", "logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": Kind("BucketName", "s3:::{name}"),
    "AWS::Scheduler::Schedule": Kind("Name", "scheduler:{region}:{account}:schedule/default/{name}"),
    "AWS::SNS::Topic": Kind("TopicName", "sns:{region}:{account}:{name}", ref="arn:aws:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": Kind(
        "QueueName", "sqs:{region}:{account}:{name}", ref="https://sqs.{region}.amazonaws.com/{account}/{name}"
    ),
}


def name_property(kind: str) -> str | None:
    """Return the property that may name a resource of this type."""
    return KINDS[kind].name_property if kind in KINDS else None


def default_name(kind: str, logical_id: str) -> str:
    """Return the name of a resource that the template does not name."""
    if kind not in KINDS:
        return logical_id
    name = f"{STACK}-{logical_id}"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def reference(kind: str, name: str) -> str:
    """Return what ``Ref`` gives for a resource."""
    return _fill(KINDS[kind].ref, name) if kind in KINDS else name


def attribute(kind: str, name: str, attribute: str) -> str:
    """Return what ``Fn::GetAtt`` gives for a resource.

    A table's ``StreamArn`` ends in ``latest``, because the label of a stream is known only once it exists.

    Raises
    ------
    StackError
        The local stack does not know this attribute.
    """
    if (kind, attribute) == ("AWS::Lambda::Version", "Version"):
        return FIRST_VERSION
    if kind in KINDS:
        arn = "arn:aws:" + _fill(KINDS[kind].arn, name)
        known = {"Arn": arn, "StreamArn": f"{arn}/stream/latest", KINDS[kind].name_property: name}
        if attribute in known:
            return known[attribute]
    raise StackError(f"The local stack does not know the attribute {attribute} of {kind} {name}.")


def stream_arn(table: str) -> str:
    """Return how a table's stream is named here."""
    return attribute("AWS::DynamoDB::Table", table, "StreamArn")


def _fill(pattern: str, name: str) -> str:
    return pattern.format(region=REGION, account=ACCOUNT, name=name)
