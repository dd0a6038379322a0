"""What is too long for an answer, and is given to a function of its own."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request

from banyan.adapters.functions import Functions


def _current(request: Request) -> Functions:
    functions: Functions = request.context["functions"]
    return functions


CurrentFunctions = Annotated[Functions, Depends(_current)]
