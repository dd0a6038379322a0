"""What a failed AWS request means for whoever sent it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commits import REJECTIONS
from banyan.errors import StoreUnavailable


@contextmanager
def outages(what: str) -> Iterator[None]:
    """Raise ``StoreUnavailable`` for what may pass; a request that can never succeed fails as it does.

    Parameters
    ----------
    what : str
        Where the request goes, for the message.
    """
    try:
        yield
    except BotoCoreError as error:
        raise StoreUnavailable(f"no answer from {what}: {type(error).__name__}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in REJECTIONS:
            raise
        raise StoreUnavailable(f"{what} refused for now: {code}") from error
