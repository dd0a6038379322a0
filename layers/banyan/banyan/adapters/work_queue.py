"""The queue of rebuilds, on SQS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from banyan.projections.rebuild.builds import Work

MAX_BATCH: Final = 10


class SqsWorkQueue:
    """Hands out work through an SQS queue.

    Parameters
    ----------
    client : Callable[[], SQSClient]
        Makes the client when something is sent first.
    """

    def __init__(self, client: Callable[[], SQSClient], url: str) -> None:
        self._make_client = client
        self._url = url

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        """Up to ten works are one request.

        Raises
        ------
        StoreUnavailable
            Some of it may have been sent; send it again.
        """
        for start in range(0, len(works), MAX_BATCH):
            batch = works[start : start + MAX_BATCH]
            entries = [_entry(number, work, delay_seconds) for number, work in enumerate(batch)]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable(f"no work was sent: {type(error).__name__}") from error
            if answer.get("Failed"):
                raise StoreUnavailable(f"{len(answer['Failed'])} of {len(batch)} messages were not taken")

    @cached_property
    def _client(self) -> SQSClient:
        return self._make_client()


def read_work(message: Mapping[str, Any]) -> Work:
    """Read a message as Lambda hands it over. Raises ``pydantic.ValidationError`` for one that is none."""
    return _work().validate_json(message["body"])


@cache
def _work() -> TypeAdapter[Work]:
    from banyan.projections.rebuild.builds import Work

    return TypeAdapter(Work)


def _entry(number: int, work: Work, delay_seconds: int) -> Any:
    body = _work().dump_json(work).decode()
    return {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
