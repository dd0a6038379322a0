"""Where archives lie."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from botocore.exceptions import ClientError

from banyan.adapters.clients import outages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY_TAKEN: Final = "PreconditionFailed"
"""S3's answer (412) to ``If-None-Match: *`` when an object has the key; 409 asks for the same request again."""


class ArchiveObjects(Protocol):
    """Objects under a key."""

    def put(self, key: str, content: bytes) -> None:
        """Keep an object; one that has that key already stays as it is. Raises ``StoreUnavailable``."""

    def get(self, key: str) -> bytes | None:
        """An object. Raises ``StoreUnavailable``."""


class S3Objects:
    """Objects of a bucket.

    Parameters
    ----------
    client : Callable[[], S3Client]
        Asked when the first object is.
    bucket : str
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes) -> None:
        """As in ``ArchiveObjects``; S3 refuses content that was damaged on its way."""
        with outages("the archive bucket"):
            try:
                self._client().put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=content,
                    ContentType="application/json" if key.endswith(".json") else "application/gzip",
                    ChecksumSHA256=b64encode(sha256(content).digest()).decode(),
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != KEY_TAKEN:
                    raise

    def get(self, key: str) -> bytes | None:
        """As in ``ArchiveObjects``."""
        client = self._client()
        with outages("the archive bucket"):
            try:
                return client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except client.exceptions.NoSuchKey:
                return None
