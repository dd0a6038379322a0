"""The objects of an archive, where they lie, and the manifest that says whether they still are what was written."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

import orjson
from botocore.exceptions import ClientError

from banyan.adapters.clients import outages
from banyan.errors import Conflict
from banyan.events import CamelModel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


FORMATS: Final = ("banyan-legacy-archive/1", "banyan-legacy-archive/2")
"""By the format of their lines."""
MODULUS: Final = 2**256
NOTHING: Final = "0" * 64
KEY_DIGITS: Final = 32
"""Of the digest of an object, in its key."""
KEY_TAKEN: Final = "PreconditionFailed"
"""S3's answer (412) to ``If-None-Match: *`` when an object has the key; 409 asks for the same request again."""


class TableContent(CamelModel):
    """What a table holds.

    Parameters
    ----------
    digest : str
        Sum of the sha256 of all lines, modulo 2**256: the same in whatever order they are read; 64 hexadecimal digits.
    """

    name: str
    rows: int = 0
    digest: str = NOTHING

    def with_lines(self, lines: Iterable[bytes]) -> TableContent:
        """The same with more lines."""
        digests = [int.from_bytes(sha256(line).digest()) for line in lines]
        total = (int(self.digest, 16) + sum(digests)) % MODULUS
        return TableContent(name=self.name, rows=self.rows + len(digests), digest=f"{total:064x}")


class ArchivePart(CamelModel):
    """One object of an archive: gzip of lines, each a row as JSON.

    Parameters
    ----------
    rows, size : int
        Lines, and bytes of the object.
    sha256, content_sha256 : str
        Of the object, and of its lines.
    """

    table: str
    key: str
    rows: int
    size: int
    sha256: str
    content_sha256: str

    def lines(self, content: bytes | None) -> Sequence[bytes]:
        """Lines of an object that is to be this part.

        Raises
        ------
        Conflict
            ``archive_damaged``
        """
        if content is None:
            raise Conflict("archive_damaged", f"{self.key} is missing")
        if sha256(content).hexdigest() != self.sha256:
            raise Conflict("archive_damaged", f"{self.key} is not the object that was written")
        lines = gzip.decompress(content).splitlines()
        if sha256(_joined(lines)).hexdigest() != self.content_sha256 or len(lines) != self.rows:
            raise Conflict("archive_damaged", f"{self.key} does not hold the rows that were written")
        return lines


class Manifest(CamelModel):
    """Says what an archive holds; written last.

    Parameters
    ----------
    format, kind : str
        Of the archive, and what the legacy system stands on.
    phase_version : int
        Version of the migration's stream when it was begun.
    checksum : str
        sha256 of all the rest.
    """

    format: str = FORMATS[0]
    kind: str
    entity: str
    id: str
    phase_version: int
    begun_at: datetime
    ended_at: datetime
    tables: tuple[TableContent, ...]
    parts: tuple[ArchivePart, ...]
    checksum: str = ""

    def sealed(self) -> Manifest:
        """The same with its checksum."""
        return self.model_copy(update={"checksum": self._checksum()})

    @property
    def line_format(self) -> int:
        """Of the lines of its objects."""
        return FORMATS.index(self.format) + 1

    def expect_whole(self) -> None:
        """Check the manifest against itself. Raises ``Conflict``: ``archive_damaged``."""
        if self.format not in FORMATS or self.checksum != self._checksum():
            raise Conflict("archive_damaged", f"the manifest of archive {self.id} is not the one that was written")

    def _checksum(self) -> str:
        content = self.model_dump(mode="json", by_alias=True, exclude={"checksum"})
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def packed(table: str, prefix: str, lines: Sequence[bytes]) -> tuple[ArchivePart, bytes]:
    """A part and its object; the same lines give the same bytes, and other bytes another key."""
    content = _joined(lines)
    packed = gzip.compress(content, mtime=0)
    digest = sha256(packed).hexdigest()
    part = ArchivePart(
        table=table,
        key=f"{prefix}-{digest[:KEY_DIGITS]}.jsonl.gz",
        rows=len(lines),
        size=len(packed),
        sha256=digest,
        content_sha256=sha256(content).hexdigest(),
    )
    return part, packed


def folder(entity: str, id: str) -> str:
    """Where the objects of an archive lie."""
    return f"legacy/{entity}/{id}"


def manifest_key(entity: str, id: str) -> str:
    """Where the manifest of an archive lies."""
    return f"{folder(entity, id)}/manifest.json"


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
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes) -> None:
        """S3 refuses content that was damaged on its way."""
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
        client = self._client()
        with outages("the archive bucket"):
            try:
                return client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except client.exceptions.NoSuchKey:
                return None


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
