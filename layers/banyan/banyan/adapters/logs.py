"""How much reaches a log: never what the SDK says about requests, and nothing below the level that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

LEVEL: Final = "POWERTOOLS_LOG_LEVEL"
CHATTY: Final = ("aws_lambda_powertools", "boto3", "botocore", "opentelemetry", "s3transfer", "urllib3")
"""At DEBUG these write credentials, requests and answers as they are."""


def silence_the_sdk() -> None:
    """Keep requests to AWS out of the log, whatever level the runtime gave the root logger."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_level(environ: Mapping[str, str]) -> int:
    """Return the level that ``POWERTOOLS_LOG_LEVEL`` names, at least INFO.

    Lambda's own filter stays at INFO, because above it drops every metric; so it cannot be what filters.
    """
    named = logging.getLevelName(environ.get(LEVEL, "INFO").upper())
    return max(named, logging.INFO) if isinstance(named, int) else logging.INFO


def limit_logs(level: int) -> None:
    """Let no logger of any library write below a level; one that a library set higher stays."""
    silence_the_sdk()
    root = logging.getLogger()
    root.setLevel(max(root.level, level))


def stand_alone(logger: logging.Logger, level: int) -> None:
    """Let Powertools' logger keep its own level and its lines to itself.

    Lambda's level would override its own. And against lines that come twice Powertools lets the runtime suppress every
    logger whose name contains the service's: a stack named ``banyan`` would lose the engine's.
    """
    from aws_lambda_powertools.logging.filters import SuppressFilter

    logger.setLevel(level)
    logger.propagate = False
    for handler in logging.getLogger().handlers:
        for suppressing in [found for found in handler.filters if isinstance(found, SuppressFilter)]:
            handler.removeFilter(suppressing)
