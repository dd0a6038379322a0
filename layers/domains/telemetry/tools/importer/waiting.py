"""Waits until the windows show what was sent, as a question that is asked before that gets too small an answer."""

from collections.abc import Callable, Mapping

from banyan_tools.importing import ApiError
from telemetry.tools.importer.api import TelemetryApi
from telemetry.tools.importer.series import SECOND

DAY = 24 * 3600 * SECOND
MOST_LOOKS = 60
"""At windows of which none has come any further."""
STILL = 5
"""Looks at windows after which they stand still."""
LAGGING = "read_model_lagging"
"""While the first windows of a month are written they cannot be shown."""


def counts_by_day(api: TelemetryApi, device: str, span: tuple[int, int]) -> dict[int, int]:
    """How many readings each day has, by its start, as the windows show it. Raises `ApiError`."""
    start = span[0] - span[0] % DAY
    return {window.since_1970: window.count for window in api.windows(device, "1d", start, span[1] + 1)}


def wait_for(
    api: TelemetryApi,
    device: str,
    expected: Mapping[int, int],
    never: int,
    pause: Callable[[], None],
    done: Callable[[int], None],
    never_now: Callable[[], int] = lambda: 0,
) -> int:
    """How many readings of those expected by day are not shown in the end, apart from those that `never` are.

    `done` is called with how many more are shown. It continues as long as there are more from time to time; when there
    are not, `never_now` is asked how many will never be.

    Raises
    ------
    ApiError
        When windows cannot be listed.
    """
    missing, looks = dict(expected), 0
    left = sum(missing.values())
    while left > never and looks < MOST_LOOKS:
        missing = _still_missing(api, device, expected, missing)
        before, left = left, sum(missing.values())
        done(before - left)
        looks = 0 if left < before else looks + 1
        if looks and looks % STILL == 0:
            never = max(never, never_now())
        if left > never:
            pause()
    return max(0, left - never)


def _still_missing(
    api: TelemetryApi, device: str, expected: Mapping[int, int], missing: dict[int, int]
) -> dict[int, int]:
    """What is missing now; as before while windows cannot be shown."""
    try:
        shown = counts_by_day(api, device, (min(missing), max(missing)))
    except ApiError as error:
        if error.code != LAGGING:
            raise
        return missing
    return {day: count for day in missing if (count := expected[day] - shown.get(day, 0)) > 0}


def wait_still(count: Callable[[], int], enough: int | None, pause: Callable[[], None]) -> int:
    """A count once it is enough; without knowing what is, once it stands still. It is given up when it does not grow.

    Raises
    ------
    ApiError
        When `count` does.
    """
    found, same = count(), 0
    while same < (STILL if enough is None else MOST_LOOKS) and (enough is None or found < enough):
        pause()
        before, found = found, count()
        same = same + 1 if found == before else 0
    return found
