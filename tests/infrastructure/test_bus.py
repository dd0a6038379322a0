"""The event bus and the bucket of its claims: private, encrypted, and emptied in the end."""

from __future__ import annotations

from typing import Any

import pytest

from banyan_tools.local.template import Template


@pytest.fixture(scope="module")
def bucket(template: Template) -> dict[str, Any]:
    """Properties of the only bucket."""
    (found,) = template.resources("AWS::S3::Bucket")
    return found.properties


def test_the_bus_has_the_name_of_the_stack(template: Template) -> None:
    (bus,) = template.resources("AWS::Events::EventBus")
    assert bus.properties["Name"] == "banyan"


def test_no_one_outside_reads_claims_and_they_are_encrypted(bucket: dict[str, Any]) -> None:
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_connections_without_encryption_are_refused(template: Template) -> None:
    (policy,) = template.resources("AWS::S3::BucketPolicy")
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:aws:s3:::banyan-claimsbucket", "arn:aws:s3:::banyan-claimsbucket/*"]


def test_claims_expire_after_the_days_that_the_parameter_says(bucket: dict[str, Any], written: dict[str, Any]) -> None:
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", "90")
    (as_written,) = written["Resources"]["ClaimsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert as_written["ExpirationInDays"] == {"Ref": "ClaimDays"}
