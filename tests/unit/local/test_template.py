from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.local.conftest import Write

from banyan_tools.local.errors import StackError
from banyan_tools.local.template import Template

HEAD = """
    Parameters:
      Stage: {Type: String, Default: dev}
      Steps: {Type: CommaDelimitedList, Default: "10,25"}
      Rate: {Type: Number, Default: 0.01}
    Conditions:
      IsProduction: !Equals [!Ref Stage, prod]
"""
QUEUES = """
    Plain: {Type: AWS::SQS::Queue}
    Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Stage}-jobs"}}
    Extra: {Type: AWS::SQS::Queue, Condition: IsProduction}
    Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ["-", !Ref Steps]}}
"""
FUNCTION = """
    Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/own/}}
    Table:
      Type: AWS::DynamoDB::Table
      Properties: {StreamSpecification: {StreamViewType: NEW_IMAGE}}
    Worker:
      Type: AWS::Serverless::Function
      Properties:
        CodeUri: functions/worker/
        Handler: app.handler
        Runtime: python3.13
        Layers: [!Ref Layer]
        Environment: {Variables: {TABLE: !Ref Table, RATE: !Ref Rate, STACK: !Ref AWS::StackName}}
        Events:
          Stream:
            Type: DynamoDB
            Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: LATEST}
"""


def test_resources_have_names_and_addresses(template: Write) -> None:
    plain, named = template(QUEUES, head=HEAD).resources("AWS::SQS::Queue")

    assert plain.ref == "https://sqs.eu-central-1.amazonaws.com/123456789012/banyan-Plain"
    assert named.arn == "arn:aws:sqs:eu-central-1:123456789012:dev-jobs"


def test_a_parameter_overrides_its_default(template: Write) -> None:
    loaded = template(QUEUES, head=HEAD, Stage="prod", Steps="1,2,3", Unknown="left out")

    assert [queue.logical_id for queue in loaded.resources("AWS::SQS::Queue")] == ["Plain", "Named", "Extra"]
    assert loaded.resources("AWS::SNS::Topic")[0].properties["DisplayName"] == "1-2-3"


def test_sam_resources_are_transformed(template: Write) -> None:
    loaded = template(FUNCTION, head=HEAD)
    (function,) = loaded.resources("AWS::Lambda::Function")
    (mapping,) = loaded.resources("AWS::Lambda::EventSourceMapping")

    assert function.properties["Code"]["S3Key"] == "functions/worker/"
    assert function.properties["Environment"]["Variables"] == {
        "TABLE": "banyan-Table",
        "RATE": "0.01",
        "STACK": "banyan",
    }
    assert mapping.properties["FunctionName"] == "banyan-Worker"
    assert mapping.properties["EventSourceArn"].endswith(":table/banyan-Table/stream/latest")


@pytest.mark.parametrize(
    ("resources", "head", "sentence"),
    [
        ("A: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13}}", "", "Resource with id \\[A\\]"),
        ("A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Missing}}", "", "names Missing, which is neither"),
        ("A: {Type: AWS::SQS::Queue, Condition: Missing}", "", "names the condition Missing"),
        ("A: {Type: AWS::SQS::Queue}", "Parameters: {P: {Type: String}}", "parameter P has no default"),
        ("A: [", "", "is not valid YAML"),
        (
            "A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.Colour}}\nB: {Type: AWS::SNS::Topic}",
            "",
            "Colour",
        ),
    ],
)
def test_a_bad_template_gives_one_sentence(template: Write, resources: str, head: str, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence) as raised:
        template(resources, head=head).resources("AWS::SQS::Queue")

    assert "\n" not in str(raised.value)


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="There is no template at"):
        Template(tmp_path / "template.yaml", {})


def test_a_file_that_is_no_template_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("just: data")

    with pytest.raises(StackError, match="it has no Resources"):
        Template(path, {})
