"""Lambda's own API, so far as the functions use it: one starts another and does not wait for it."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Request, Response

from banyan_tools.local.console import Console
from banyan_tools.local.functions import Function, FunctionFailed, Functions
from banyan_tools.local.lineage import HEADER, LONGEST_CHAIN, Lineage, belonging_to, invoked, lineage_of
from banyan_tools.local.problems import not_found

PREFIX = "/_local/lambda"
PATH = re.compile(f"{PREFIX}/2015-03-31/functions/([^/]+)/invocations")
ENDPOINT = "AWS_ENDPOINT_URL_LAMBDA"


class Invocations:
    """Runs what is invoked asynchronously, once, in the background."""

    def __init__(self, functions: Functions, console: Console) -> None:
        self._functions = functions
        self._console = console

    def __call__(self, request: Request) -> Response:
        """Answer an SDK's request.

        Raises
        ------
        Problem
            404 for anything but the asynchronous invocation of a function that there is.
        """
        found = PATH.fullmatch(request.path)
        function = self._functions.find(found[1]) if found else None
        if function is None or request.headers.get("X-Amz-Invocation-Type") != "Event":
            raise not_found()
        lineage = invoked(function.logical_id, [lineage_of(request.headers.get(HEADER))])
        arguments = (function, request.get_json(force=True), lineage)
        threading.Thread(target=self._run, args=arguments, name=function.name, daemon=True).start()
        return Response(status=HTTPStatus.ACCEPTED)

    def _run(self, function: Function, event: Any, lineage: Lineage) -> None:
        if lineage[function.logical_id] > LONGEST_CHAIN and not function.may_loop:
            self._console.warn(f"{function.logical_id} was not invoked: it has started itself too often.")
            return
        try:
            with belonging_to(lineage):
                function.invoke(event)
        except FunctionFailed as error:
            self._console.warn(f"{function.logical_id} failed: {error}.")
