"""Other functions of the stack, which one starts and does not wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.settings import FunctionNames
from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions(Protocol):
    """Starts functions."""

    def start(self, function: str, event: Mapping[str, Any]) -> None:
        """Let a function handle an event, some time soon.

        Parameters
        ----------
        function : str
            A field of ``FunctionNames``.

        Raises
        ------
        StoreUnavailable
            It may or may not have been started.
        """


class LambdaFunctions:
    """Starts functions through Lambda's queue of asynchronous invocations.

    Parameters
    ----------
    client : Callable[[], LambdaClient]
        Makes the client when a function is started first.
    """

    def __init__(self, client: Callable[[], LambdaClient], names: FunctionNames) -> None:
        self._make_client = client
        self._names = names

    def start(self, function: str, event: Mapping[str, Any]) -> None:
        name: str = getattr(self._names, function)
        try:
            self._client.invoke(FunctionName=name, InvocationType="Event", Payload=orjson.dumps(event))
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"{function} was not started: {type(error).__name__}") from error

    @cached_property
    def _client(self) -> LambdaClient:
        return self._make_client()
