"""EventBridge schedule expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from croniter import croniter  # type: ignore[import-untyped]

from banyan_tools.local.errors import StackError

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
WEEKDAY = re.compile(r"(?<![#\d])[1-7](?!\d)")

Timetable = Callable[[datetime], datetime]


def timetable(expression: str) -> Timetable:
    """Return a function from a moment to the next one at which the schedule is due.

    Parameters
    ----------
    expression : str
        ``rate(5 minutes)`` or ``cron(0 2 * * ? *)``, in UTC.

    Raises
    ------
    StackError
        The expression is of another form.
    """
    if match := RATE.fullmatch(expression):
        every = timedelta(**{f"{match[2]}s": int(match[1])})
        return lambda moment: moment + every
    if match := CRON.fullmatch(expression):
        return cron_timetable(expression, *match.groups())
    raise StackError(f"The local stack does not understand the schedule {expression!r}.")


def cron_timetable(expression: str, minute: str, hour: str, day: str, month: str, weekday: str, year: str) -> Timetable:
    """Return the timetable of a cron expression; AWS counts weekdays from 1, Sunday, and ends with a year."""
    weekdays = WEEKDAY.sub(lambda match: str(int(match[0]) - 1), weekday)
    fields = f"{minute} {hour} {day} {month} {weekdays} 0 {year}".replace("?", "*")
    if not croniter.is_valid(fields):
        raise StackError(f"The local stack does not understand the schedule {expression!r}.")
    return lambda moment: croniter(fields, moment).get_next(datetime)
