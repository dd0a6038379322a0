"""AWS clients with deadlines and bounded retries, and what a failed request of theirs means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import BanyanError, StoreMisconfigured, StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,
    user_agent="banyan",
    parameter_validation=False,
)
"""What the SDK says of itself and checks by itself is a sixth of the CPU time of a request; the service checks too."""

REJECTED: Final = frozenset({"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"})
MISCONFIGURED: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException"})


def dynamodb_client() -> DynamoDBClient:
    """A DynamoDB client; region, credentials and an endpoint come from the environment."""
    return boto3.client("dynamodb", config=CONFIG)


def events_client() -> EventBridgeClient:
    """An EventBridge client, as ``dynamodb_client``."""
    return boto3.client("events", config=CONFIG)


def lambda_client() -> LambdaClient:
    """A Lambda client, as ``dynamodb_client``."""
    return boto3.client("lambda", config=CONFIG)


def s3_client() -> S3Client:
    """An S3 client, as ``dynamodb_client``."""
    return boto3.client("s3", config=CONFIG)


def secrets_client() -> Any:
    """A Secrets Manager client, as ``dynamodb_client``."""
    return boto3.client("secretsmanager", config=CONFIG)


def sqs_client() -> SQSClient:
    """An SQS client, as ``dynamodb_client``."""
    return boto3.client("sqs", config=CONFIG)


@contextmanager
def outages(what: str) -> Iterator[None]:
    """Raise the engine's error for a failed request.

    Parameters
    ----------
    what : str
        Where the request goes, for the message.

    Raises
    ------
    StoreUnavailable, StoreRejected
    """
    try:
        yield
    except BotoCoreError as error:
        raise StoreUnavailable(f"no answer from {what}: {type(error).__name__}") from error
    except ClientError as error:
        raise refusal(error.response["Error"]["Code"], what) from error


def refusal(code: str, what: str) -> BanyanError:
    """What it means that a service refuses a request with a code."""
    if code in REJECTED:
        return StoreRejected(f"{what} says {code}")
    if code in MISCONFIGURED:
        return StoreMisconfigured(f"{what} says {code}")
    return StoreUnavailable(f"{what} refused for now: {code}")
