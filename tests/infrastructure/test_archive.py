"""The bucket of legacy archives: there while a migration is on, locked, and reached by the controller alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.permissions import role_of
from banyan_tools.runtime.sandbox import folder_name, load_template

BUCKET = "arn:aws:s3:::banyan-archivebucket"


@pytest.fixture(scope="module")
def migrating() -> Template:
    """The template of a stack with a legacy system."""
    return load_template(LegacyStore="dynamodb", LegacyName="orders")


@pytest.fixture(scope="module")
def bucket(migrating: Template) -> Resource:
    """The bucket."""
    return next(found for found in migrating.resources("AWS::S3::Bucket") if found.logical_id == "ArchiveBucket")


def test_without_a_legacy_system_there_is_no_bucket(template: Template) -> None:
    assert [found.logical_id for found in template.resources("AWS::S3::Bucket")] == ["ClaimsBucket"]


def test_it_is_private_encrypted_versioned_locked_and_kept(bucket: Resource, written: Mapping[str, Any]) -> None:
    found = bucket.properties
    assert list(found["PublicAccessBlockConfiguration"].values()) == [True] * 4
    (rule,) = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert found["ObjectLockEnabled"] is True
    retention = found["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (retention["Mode"], str(retention["Days"])) == ("GOVERNANCE", "365")
    as_written = written["Resources"]["ArchiveBucket"]
    assert (as_written["DeletionPolicy"], as_written["UpdateReplacePolicy"]) == (
        "RetainExceptOnCreate",
        "Retain",
    )


def test_connections_without_encryption_are_refused(migrating: Template) -> None:
    policies = {policy.properties["Bucket"]: policy for policy in migrating.resources("AWS::S3::BucketPolicy")}
    (statement,) = policies["banyan-archivebucket"].properties["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [BUCKET, f"{BUCKET}/*"]


def test_only_the_controller_reaches_it_and_cannot_remove_anything(migrating: Template) -> None:
    functions = migrating.resources("AWS::Lambda::Function")
    allowed = {
        folder_name(f): {(a, r) for a, r in role_of(migrating, f).allowed if r.startswith(BUCKET)} for f in functions
    }
    assert {name: found for name, found in allowed.items() if found} == {
        "migration_controller": {
            ("s3:PutObject", f"{BUCKET}/legacy/*"),
            ("s3:GetObject", f"{BUCKET}/legacy/*"),
            ("s3:ListBucket", BUCKET),
        }
    }
    told = [folder_name(f) for f in functions if "ARCHIVE_BUCKET" in f.properties["Environment"]["Variables"]]
    assert told == ["migration_controller"]


def test_only_a_restoration_puts_whole_items_into_the_legacy_table(migrating: Template) -> None:
    functions = migrating.resources("AWS::Lambda::Function")
    putting = {
        folder_name(f)
        for f in functions
        for action, resource in role_of(migrating, f).allowed
        if action == "dynamodb:PutItem" and resource.endswith("table/orders")
    }
    assert putting == {"migration_controller"}
    policy = next(p for p in migrating.resources("AWS::IAM::ManagedPolicy") if p.logical_id == "MigrationPolicy")
    (statement,) = (s for s in policy.properties["PolicyDocument"]["Statement"] if s["Sid"] == "WriteLegacy")
    assert {"dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"} & {*statement["Action"]} == {
        "dynamodb:UpdateItem"
    }


def test_whoever_compares_reads_may_count_them(migrating: Template) -> None:
    query_api = next(f for f in migrating.resources("AWS::Lambda::Function") if folder_name(f) == "query_api")
    allowed = role_of(migrating, query_api).allowed
    assert [r.rpartition("/")[2] for a, r in allowed if a == "dynamodb:UpdateItem"] == ["banyan-MigrationTable"]
