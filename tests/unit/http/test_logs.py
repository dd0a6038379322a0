"""Which levels the loggers of a function get."""

from __future__ import annotations

import logging

import pytest

from banyan.adapters.observability import CHATTY, log_level


@pytest.mark.parametrize(
    ("named", "level"),
    [
        ("TRACE", logging.INFO),
        ("DEBUG", logging.INFO),
        ("INFO", logging.INFO),
        ("warn", logging.WARNING),
        ("WARNING", logging.WARNING),
        ("ERROR", logging.ERROR),
        ("CRITICAL", logging.CRITICAL),
        ("LOUD", logging.INFO),
        ("", logging.INFO),
    ],
)
def test_the_level_is_the_one_that_is_named_but_never_below_info(named: str, level: int) -> None:
    assert log_level({"POWERTOOLS_LOG_LEVEL": named}) == level


def test_the_level_is_info_where_none_is_named() -> None:
    assert log_level({}) == logging.INFO


def test_the_sdk_is_silent_as_soon_as_the_engine_knows_aws() -> None:
    assert {logging.getLogger(name).level for name in CHATTY} == {logging.WARNING}
    assert not logging.getLogger("botocore.endpoint").isEnabledFor(logging.INFO)
