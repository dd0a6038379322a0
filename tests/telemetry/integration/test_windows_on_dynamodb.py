"""Windows on DynamoDB: the same as of all readings at once, while several processes project the same commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

from tests.support.clocks import EVERYTHING
from tests.support.engines import DynamoDBEngine
from tests.telemetry.support.months import STREAM, MonthOfReadings, reading

from banyan.bootstrap import bootstrap
from banyan.projections.owned import fold_owned, stored_rows
from banyan.projections.views import Generation

GENERATION = Generation("series")
READINGS = 2_000 if EVERYTHING else 240


def test_windows_are_those_of_all_readings_whoever_projects_them(dynamodb: DynamoDBEngine) -> None:
    random = Random(7)
    month = MonthOfReadings(views=dynamodb.views(), table=dynamodb.table())
    sent = [reading(place * 97.5, random.gauss(0, 1e6), late=place % 41 == 40) for place in range(READINGS)]
    for place in range(0, READINGS, 30):
        random.shuffle(part := sent[place : place + 60])
        month.record(*(each for each in part if each not in month.recorded))
    batches = [month.commits[place : place + 3] for place in range(0, len(month.commits), 2)]
    random.shuffle(batches)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda each: month.deliver(*each), [batches, batches[::-1], [month.commits[-1:]]]))
    month.deliver(month.commits)

    assert month.windows() == month.expected()
    assert month.state().late == sum(each.late for each in sent)
    carried = month.views.states(GENERATION, [STREAM])[STREAM]
    rows = stored_rows(month.views, GENERATION, carried, month.clock())
    folded = fold_owned(month.projection, month.store, month.commits, month.clock())
    assert folded
    assert rows.digests == folded.digests


def test_a_commit_within_its_windows_is_one_write_and_reads_no_row(dynamodb: DynamoDBEngine) -> None:
    month = MonthOfReadings(views=dynamodb.views(), table=dynamodb.table())
    month.deliver([month.record(reading(0, 1.0))])
    commit = month.record(*(reading(second, 2.0) for second in range(1, 50)))
    dynamodb.wire.clear()
    month.deliver([commit])
    assert dynamodb.wire.sent == ["BatchGetItem", "PutItem"]


def test_a_function_projects_as_its_settings_say(dynamodb: DynamoDBEngine) -> None:
    tables = {f"{name.upper()}_TABLE": getattr(dynamodb.tables, name) for name in type(dynamodb.tables).model_fields}
    settings = {"BANYAN_DOMAIN": "telemetry", "BANYAN_DOMAIN_SETTINGS": "smallest_window=1h,hours_kept_days=500"}
    application = bootstrap({**tables, **settings}, client=lambda: dynamodb.client)
    month = MonthOfReadings(views=application.views, table=dynamodb.table())
    (month.projection,) = (each for each in application.domain.projections if each.name == "series")  # type: ignore[assignment]
    month.deliver([month.record(reading(0, 1.0), reading(7200, 2.0))])
    assert month.windows() == month.expected(lambda size, _: size != "1m")
    kept = month.rows()["1h#2026-03-01T00:00"].kept
    assert kept
    assert kept.kept == 500 * 24 * 3600
