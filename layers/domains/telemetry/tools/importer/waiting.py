"""Waits until the windows show what was sent, as a question that is asked before that gets too small an answer."""

from collections.abc import Callable, Mapping

from telemetry.tools.importer.api import TelemetryApi
from telemetry.tools.importer.series import SECOND

DAY = 24 * 3600 * SECOND
MOST_LOOKS = 60
"""At windows of which none has come any further."""


def counts_by_day(api: TelemetryApi, device: str, span: tuple[int, int]) -> dict[int, int]:
    """How many readings each day has, by its start, as the windows show it. Raises `ApiError`."""
    start = span[0] - span[0] % DAY
    return {window.since_1970: window.count for window in api.windows(device, "1d", start, span[1] + 1)}


def wait_for(
    api: TelemetryApi,
    device: str,
    expected: Mapping[int, int],
    late: int,
    pause: Callable[[], None],
    done: Callable[[int], None],
) -> int:
    """How many readings of those expected by day came not to be shown, apart from `late` ones, which never are.

    `done` is called with how many more are shown. It continues as long as there are more from time to time.

    Raises
    ------
    ApiError
        When windows cannot be listed.
    """
    missing, looks = dict(expected), 0
    left = sum(missing.values())
    while left > late and looks < MOST_LOOKS:
        shown = counts_by_day(api, device, (min(missing), max(missing)))
        missing = {day: count for day in missing if (count := expected[day] - shown.get(day, 0)) > 0}
        before, left = left, sum(missing.values())
        done(before - left)
        looks = 0 if left < before else looks + 1
        if left > late:
            pause()
    return max(0, left - late)
