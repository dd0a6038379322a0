"""Reports of the reconciliation over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.orders.support.http import OPERATOR, Server, body_of

from banyan.entrypoints.admin.contents import MOST_BYTES
from banyan.reconciliation.content import MAX_FIELDS, MAX_TEXT, FieldDifference
from banyan.reconciliation.report import MAX_FINDINGS, Finding, MemoryReports, Report, Section

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WHOLE = tuple(FieldDifference(name=f"f{n}", expected="é" * MAX_TEXT, actual='"' * MAX_TEXT) for n in range(MAX_FIELDS))


def test_a_report_of_which_everything_differs_fits_into_an_answer() -> None:
    findings = tuple(Finding(where=f"acme:order:{n}", kind="row", fields=WHOLE) for n in range(MAX_FINDINGS))
    sections = tuple(Section(name=f"s{n}", differences=MAX_FINDINGS, findings=findings) for n in range(4))
    server, reports = Server(), MemoryReports()
    reports.put(Report(started_at=AT, finished_at=AT, sections=sections, drift_percent=100.0, tolerance_percent=0.0))
    vars(server.application)["reports"] = reports
    answer = server.get("/admin/reconciliation/reports/20260105T090000000000Z", claims=OPERATOR)
    assert len(json.dumps(answer)) < MOST_BYTES * 1.1
    first, *_, last = body_of(answer)["sections"]
    assert [len(section["findings"]) for section in body_of(answer)["sections"]] == [MAX_FINDINGS] * 4
    assert (len(first["findings"][0]["fields"]), first["findings"][0]["detail"]) == (MAX_FIELDS, "")
    assert last["findings"][-1]["fields"] == []
    assert "do not fit" in last["findings"][-1]["detail"]
