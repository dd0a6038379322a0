"""The claim check: what is too large for the bus is kept aside, and the bus carries where."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from banyan.adapters.clients import outages
from banyan.events import CamelModel, Event

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Claim(CamelModel):
    """Where the whole event lies.

    Parameters
    ----------
    bucket, key : str
    sha256 : str
        Of the object, 64 hexadecimal digits.
    size : int
        Bytes.
    """

    bucket: str
    key: str
    sha256: str
    size: int


class ClaimChecks:
    """Keeps events in an S3 bucket; an event kept again overwrites itself.

    Parameters
    ----------
    client : Callable[[], S3Client]
        Asked at the first event.
    bucket : str
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, event: Event, content: bytes) -> Claim:
        """Keep an event's JSON. Raises ``StoreUnavailable``."""
        key, digest = object_key(event), sha256(content)
        with outages("the claim-check bucket"):
            self._client().put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                ChecksumSHA256=b64encode(digest.digest()).decode(),
            )
        return Claim(bucket=self._bucket, key=key, sha256=digest.hexdigest(), size=len(content))


def object_key(event: Event) -> str:
    """The key of an event's object: tenant, entity, id, version, event id."""
    stream = event.stream_id
    return f"{stream.tenant}/{stream.entity}/{stream.id}/{event.version}/{event.event_id}"
