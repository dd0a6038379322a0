"""Every reason for which a command, a record or a request is refused, with its stable code."""

from __future__ import annotations

from enum import StrEnum

from banyan import CommandRejected, Conflict, NotFound


class Code(StrEnum):
    """Codes by kind: ``NotFound``, ``Conflict`` with what is recorded, and what cannot be read."""

    DEVICE_NOT_FOUND = "device_not_found"
    GROUP_NOT_FOUND = "group_not_found"
    DEVICE_NOT_REGISTERED = "device_not_registered"

    DEVICE_EXISTS = "device_exists_with_different_content"
    SEQUENCE_REUSED = "sequence_reused"
    TOO_MANY_GAPS = "too_many_gaps"

    NOT_JSON = "record_not_json"
    NOT_A_RECORD = "record_not_an_object"
    DEVICE_ID_MISSING = "device_id_missing"
    DEVICE_ID_INVALID = "device_id_invalid"
    READINGS_MISSING = "readings_missing"
    TOO_MANY_READINGS = "too_many_readings"
    READING_INVALID = "reading_invalid"
    TIME_INVALID = "time_invalid"
    TIME_IN_SECONDS = "time_in_seconds"
    VALUE_INVALID = "value_invalid"
    SEQUENCE_MISSING = "sequence_missing"
    SEQUENCE_INVALID = "sequence_invalid"

    SIZE_NOT_KEPT = "size_not_kept"
    RANGE_TOO_LONG = "range_too_long"
    TOO_MANY_DEVICES = "too_many_devices"


def no_device() -> NotFound:
    """The device was never registered."""
    return NotFound(Code.DEVICE_NOT_FOUND.value, "there is no such device")


def no_group() -> NotFound:
    """No device belongs to the group."""
    return NotFound(Code.GROUP_NOT_FOUND.value, "no device belongs to this group")


def not_registered() -> NotFound:
    """Readings came of a device that was never registered."""
    return NotFound(Code.DEVICE_NOT_REGISTERED.value, "the device is not registered: register it, then send this again")


def conflict(code: Code, detail: str) -> Conflict:
    """What is recorded does not allow the command."""
    return Conflict(code.value, detail)


def rejected(code: Code, detail: str, field: str | None = None) -> CommandRejected:
    """The record or command breaks a rule."""
    return CommandRejected(code.value, detail, field)
