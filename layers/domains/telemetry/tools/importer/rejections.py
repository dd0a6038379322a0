"""Why a line of a file is not a reading."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a line is not sent; each stops itself alone."""

    COLUMNS = "wrong_columns"
    TIME = "bad_time"
    NONEXISTENT = "nonexistent_local_time"
    AMBIGUOUS = "ambiguous_local_time"
    VALUE = "bad_value"
    THOUSANDS = "thousands_separator"
    DECIMAL = "other_decimal_sign"
    NOT_FINITE = "not_finite"
    CROWDED = "too_many_at_one_time"


class LineRejected(Exception):
    """One line that cannot be read."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class UnusableFileError(Exception):
    """The file cannot be read, or in more than one way: the message says what to do."""
