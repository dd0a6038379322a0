"""What AWS refuses of a template though it is well formed."""

from __future__ import annotations

import re

import pytest
from tests.unit.local.conftest import Write

from banyan_tools.local.errors import StackError
from banyan_tools.local.limits import check_limits, faults, name_faults
from banyan_tools.runtime.sandbox import load_template

LEGACY = {"LegacyStore": "dynamodb", "LegacyName": "orders"}
FUNCTION = "{{CodeUri: one, Handler: app.handler, Runtime: python3.13{}}}"
QUEUE = """
    Jobs: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: 60}}}}
    F:
      Type: AWS::Serverless::Function
      Properties: {{CodeUri: o, Handler: a.h, Runtime: python3.13, Timeout: 60}}
    M:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {{FunctionName: !Ref F, EventSourceArn: !GetAtt Jobs.Arn{}}}
"""
STREAM = """
    T: {{Type: AWS::DynamoDB::Table, Properties: {{StreamSpecification: {{StreamViewType: NEW_IMAGE}}}}}}
    F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: o, Handler: a.h, Runtime: python3.13}}}}
    M:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {{FunctionName: !Ref F, EventSourceArn: !GetAtt T.StreamArn{}}}
"""

KINESIS = STREAM.replace("!GetAtt T.StreamArn", "arn:aws:kinesis:eu-central-1:123456789012:stream/readings")


def function(more: str) -> str:
    return f"F: {{Type: AWS::Serverless::Function, Properties: {FUNCTION.format(more)}}}"


def variables(text: str) -> str:
    return function(f", Environment: {{Variables: {{{text}}}}}")


@pytest.mark.parametrize(
    ("resources", "fault"),
    [
        (function(", FunctionName: " + "f" * 64), ""),
        (function(", FunctionName: " + "f" * 65), "F is named with 65 characters"),
        (function(', FunctionName: "a.b"'), "F may not be named 'a.b'"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {QueueName: " + "q" * 80 + "}}", ""),
        ("Q: {Type: AWS::SQS::Queue, Properties: {QueueName: " + "q" * 81 + "}}", "81 characters"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs.fifo}}", ""),
        ("B: {Type: AWS::S3::Bucket, Properties: {BucketName: " + "b" * 64 + "}}", "64 characters"),
        ("B: {Type: AWS::S3::Bucket, Properties: {BucketName: Claims}}", "may not be named 'Claims'"),
        ("B: {Type: AWS::S3::Bucket, Properties: {BucketName: a..b}}", "may not be named"),
        ("T: {Type: AWS::DynamoDB::Table, Properties: {TableName: ab}}", "2 characters"),
        ("R: {Type: AWS::IAM::Role, Properties: {RoleName: " + "r" * 65 + "}}", "65 characters"),
        ("R: {Type: AWS::Events::Rule, Properties: {Name: " + "r" * 65 + "}}", "65 characters"),
        (function(", Timeout: 900, MemorySize: 10240"), ""),
        (function(", Timeout: 901"), "not 901"),
        (function(", Timeout: 0"), "not 0"),
        (function(", MemorySize: 127"), "not 127"),
        (function(", Layers: [a, b, c, d, e, f]"), "5 layers"),
        (variables("AB: " + "x" * 4094), ""),
        (variables("AB: " + "x" * 4095), "4097 bytes"),
        (variables("AB: " + "ä" * 2048), "4098 bytes"),
        (variables("AWS_REGION: x"), "may not set the variable AWS_REGION"),
        (variables("AWS_LAMBDA_LOG_LEVEL: x"), "AWS_LAMBDA_LOG_LEVEL"),
        (variables("AWS_NODEJS_CONNECTION_REUSE_ENABLED: x, AWS_LAMBDA_EXEC_WRAPPER: x"), ""),
        (variables("_X_AMZN_TRACE_ID: x"), "_X_AMZN_TRACE_ID"),
        (variables("A-B: x"), "A-B"),
        (QUEUE.format(""), ""),
        (QUEUE.format("").replace("VisibilityTimeout: 60", "VisibilityTimeout: 59"), "hides"),
        (QUEUE.format(", BatchSize: 11"), "needs a batching window"),
        (QUEUE.format(", BatchSize: 11, MaximumBatchingWindowInSeconds: 1"), ""),
        (QUEUE.format(", ScalingConfig: {MaximumConcurrency: 1}"), "not 1"),
        (STREAM.format(", MaximumRecordAgeInSeconds: 60, MaximumRetryAttempts: 10000, ParallelizationFactor: 10"), ""),
        (STREAM.format(", MaximumRecordAgeInSeconds: -1, MaximumRetryAttempts: -1"), ""),
        (STREAM.format(", MaximumRecordAgeInSeconds: 59"), "not 59"),
        (STREAM.format(", MaximumRecordAgeInSeconds: 604801"), "not 604801"),
        (STREAM.format(", MaximumRetryAttempts: 10001"), "not 10001"),
        (STREAM.format(", ParallelizationFactor: 11"), "not 11"),
        (STREAM.format(", BatchSize: 10001"), "not 10001"),
        (STREAM.format(", MaximumBatchingWindowInSeconds: 301"), "not 301"),
        (KINESIS.format(", ParallelizationFactor: 10, BatchSize: 10000"), ""),
        (KINESIS.format(", ParallelizationFactor: 11"), "not 11"),
        ("S: {Type: AWS::Kinesis::Stream, Properties: {Name: " + "s" * 129 + "}}", "129 characters"),
    ],
)  # fmt: skip
def test_what_aws_would_refuse_is_named(template: Write, resources: str, fault: str) -> None:
    found = list(faults(template(resources)))
    assert len(found) == bool(fault)
    assert all(fault in sentence for sentence in found)


def test_every_fault_is_named_at_once(template: Write) -> None:
    loaded = template(function(", Timeout: 901, MemorySize: 64"))
    with pytest.raises(
        StackError, match=re.escape("refuse this template: F may run for 1 to 900 seconds, not 901. F may")
    ):
        check_limits(loaded)


@pytest.mark.parametrize(("name", "fits"), [("!Ref AWS::StackName", False), ('!Sub "${Stage}-jobs"', True)])
def test_a_name_has_to_fit_whatever_the_stack_is_called(template: Write, name: str, fits: bool) -> None:
    head = "Parameters: {Stage: {Type: String, Default: dev}}"
    loaded = template(f"Q: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {name}}}}}", head=head)
    assert list(faults(loaded)) == []
    assert (list(name_faults(loaded)) == []) is fits
    assert loaded.resources("AWS::SQS::Queue")[0].name in ("banyan", "dev-jobs")


@pytest.mark.parametrize("parameters", [{}, LEGACY, {"LegacyStore": "postgres"}])
def test_the_template_itself_breaks_no_limit_in_any_stack(parameters: dict[str, str]) -> None:
    loaded = load_template(**parameters)
    assert [*faults(loaded), *name_faults(loaded)] == []


HEAD = """
    Parameters:
      Level: {Type: String, Default: INFO, AllowedValues: [INFO, WARN]}
      Days: {Type: Number, Default: 30, MinValue: 1, MaxValue: 3653}
      Stage: {Type: String, Default: dev, AllowedPattern: "[a-z]+", MaxLength: 5}
      Steps: {Type: CommaDelimitedList, Default: "10,25", AllowedPattern: "[0-9]+"}
      Secret: {Type: String, Default: "", NoEcho: true, MaxLength: 3}
"""


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Level", "WARN", ""),
        ("Level", "DEBUG", "Level may not be 'DEBUG': it is one of INFO, WARN"),
        ("Days", "3653", ""),
        ("Days", "0.5", "it is at least 1"),
        ("Days", "3654", "it is at most 3653"),
        ("Days", "soon", "it is a number"),
        ("Stage", "prod", ""),
        ("Stage", "prod1", "it has to match"),
        ("Stage", "testing", "too long"),
        ("Steps", "10,25,50", ""),
        ("Steps", "10,x", "'x': it has to match"),
        ("Secret", "hidden", "Secret may not be: it is too short or too long"),
    ],
)
def test_a_parameter_has_to_fit_its_declaration(template: Write, name: str, value: str, fault: str) -> None:
    def load() -> None:
        template("Q: {Type: AWS::SQS::Queue}", head=HEAD, **{name: value})

    if not fault:
        return load()
    with pytest.raises(StackError, match=re.escape(fault)) as refused:
        load()
    assert "hidden" not in str(refused.value)
    return None
