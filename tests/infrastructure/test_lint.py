"""The templates are valid: as written, as transformed, and for the SAM CLI."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.clocks import lengthy

from banyan_tools.local.engine import ISOLATION
from banyan_tools.project import ROOT
from banyan_tools.runtime.emulator import SAM_VENV
from banyan_tools.runtime.lint import findings, lint

pytestmark = pytest.mark.slow

SAM = SAM_VENV / "bin" / "sam"
WRONG = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    UpdateReplacePolicy: Delete
    DeletionPolicy: Delete
    Properties:
      KeySchema: [{AttributeName: key, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: key, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: reader.handler
      InlineCode: ""
      Events:
        Commits: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.Stream, StartingPosition: LATEST}}
"""


@pytest.mark.parametrize("name", ["template.yaml", "observability.yaml"])
def test_a_template_is_clean_as_it_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint((ROOT / name).read_text()) == []


@pytest.mark.parametrize("switch", [pytest.param("on", marks=lengthy), "off"])
def test_the_template_is_clean_as_cloudformation_gets_it(switch: str) -> None:
    assert findings(parameters={"Reactions": switch, "Traces": switch, "Alarms": switch}) == []


def test_a_wrong_attribute_inside_an_event_is_found_after_the_transform(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(WRONG)
    assert [finding for finding in findings(broken) if "'Stream' is not one of" in finding]


@pytest.mark.sam
@pytest.mark.skipif(not SAM.exists(), reason="The SAM CLI is not installed: run `make sam`.")
def test_the_sam_cli_finds_the_template_valid() -> None:
    settings = {key: value for key, value in ISOLATION.items() if value} | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(
        [SAM, "validate", "--lint"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "template.yaml is a valid SAM Template" in done.stdout
