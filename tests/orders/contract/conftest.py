"""The fixtures of the other contract suites."""

from tests.contract.conftest import clock, dynamodb, store

__all__ = ["clock", "dynamodb", "store"]
