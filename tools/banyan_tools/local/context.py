"""What a function learns about its own invocation."""

from __future__ import annotations

import time
import uuid


class LambdaContext:
    """The second argument of a handler, with the names and types of Lambda's own.

    Parameters
    ----------
    name, arn : str
        Of the function.
    memory : int
        MB.
    timeout : float
        Seconds the invocation may take.
    """

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, name: str, arn: str, memory: int, timeout: float) -> None:
        self.function_name = name
        self.invoked_function_arn = arn
        self.memory_limit_in_mb = str(memory)
        self.aws_request_id = str(uuid.uuid4())
        self.log_group_name = f"/aws/lambda/{name}"
        self.log_stream_name = "local"
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the invocation times out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
