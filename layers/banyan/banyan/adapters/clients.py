"""AWS clients with deadlines and bounded retries, and what a failed request of theirs means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.session import Session

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
    return cast("DynamoDBClient", _client("dynamodb"))


def events_client() -> EventBridgeClient:
    """An EventBridge client, as ``dynamodb_client``."""
    return cast("EventBridgeClient", _client("events"))


def kinesis_client() -> Any:
    """A Kinesis client, as ``dynamodb_client``."""
    return _client("kinesis")


def lambda_client() -> LambdaClient:
    """A Lambda client, as ``dynamodb_client``."""
    return cast("LambdaClient", _client("lambda"))


def s3_client() -> S3Client:
    """An S3 client, as ``dynamodb_client``."""
    return cast("S3Client", _client("s3"))


def secrets_client() -> Any:
    """A Secrets Manager client, as ``dynamodb_client``."""
    return _client("secretsmanager")


def sqs_client() -> SQSClient:
    """An SQS client, as ``dynamodb_client``."""
    return cast("SQSClient", _client("sqs"))


def _client(service: str) -> Any:
    """A client of a session of its own; boto3 would bring transfers to S3 and resources, which nothing here uses."""
    session = Session()
    session.register_component("data_loader", _models(session.get_config_variable("data_path")))
    return session.create_client(service, config=CONFIG)


@cache
def _models(path: str | None) -> Loader:
    """Reads each model of a service once."""
    return create_loader(path)


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
