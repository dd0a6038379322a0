"""A report as a page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from banyan_tools.cli.reports.words import Json, fields_of, moment, name_of, verdict, what
from banyan_tools.cli.tables import counted

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem;
  color: #1c2430; background: #fff }
h1 { font-size: 1.4rem } h1 b { color: #1a7f4b } h1.drift b { color: #b3261e }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dde2e8; vertical-align: top;
  overflow-wrap: anywhere }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: #5b6675 }
.same { fill: #9db7d5 } .unlike { fill: #b3261e } figcaption { color: #5b6675 }
"""
WIDTH: Final = 720
HEIGHT: Final = 140
GAP: Final = 4
COUNTS: Final = {
    "compared": "compared",
    "differences": "differences",
    "repaired": "repaired",
    "inFlight": "in flight",
    "rowsRead": "rows read",
    "nodesRead": "nodes read",
}


def page(report: Json, history: Sequence[Json]) -> str:
    """The page of a report; it is well-formed XML too.

    Parameters
    ----------
    report : Mapping
        As the API answers it.
    history : Sequence[Mapping]
        Summaries for the chart, newest first.
    """
    title = f"Reconciliation of {moment(report['startedAt'])}"
    through = f"Everything recorded until <b>{moment(report['verifiedThrough'])}</b> compared equal or is listed here."
    read = "Everything was read again." if report["full"] else "What changed since the last run was read."
    repaired = f"{counted(report['repaired'], 'difference')} put right." if report["repair"] else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>{title}</title><style>{STYLE}</style></head><body>
<h1{' class="drift"' if report["drifted"] else ""}>{title}: <b>{escape(verdict(report))}</b></h1>
<p>{through} {read} {repaired}</p>
<figure>{_chart(history or [report])}<figcaption>Differences found by each run, oldest first.</figcaption></figure>
{_sections(report)}{_findings(report)}
</body></html>
"""


def _chart(history: Sequence[Json]) -> str:
    runs = list(reversed(history))
    top = max(1, *(run["differences"] for run in runs))
    step = WIDTH / len(runs)
    bars = "".join(_bar(run, number * step, step - GAP, top) for number, run in enumerate(runs))
    first, last = (moment(run["startedAt"]) for run in (runs[0], runs[-1]))
    label = f"Differences of {counted(len(runs), 'run')}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img"'
        f' aria-label="{label}">{bars}'
        f'<text x="0" y="{HEIGHT + 15}">{first}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 15}" text-anchor="end">{last}</text></svg>'
    )


def _bar(run: Json, left: float, width: float, top: int) -> str:
    height = max(2.0, HEIGHT * run["differences"] / top)
    kind = "unlike" if run["differences"] else "same"
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{HEIGHT - height:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"<title>{moment(run['startedAt'])}: {escape(verdict(run))}</title></rect>"
    )


def _sections(report: Json) -> str:
    body = "".join(
        f"<tr><td>{escape(name_of(section))}</td>{_numbers(section[name] for name in COUNTS)}</tr>"
        for section in report["sections"]
    )
    head = "".join(f'<th class="number">{name}</th>' for name in COUNTS.values())
    return f"<table><thead><tr><th>section</th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _numbers(counts: Iterable[int]) -> str:
    return "".join(f'<td class="number">{count:,}</td>' for count in counts)


def _findings(report: Json) -> str:
    cells = (
        (section["name"], finding["where"], what(finding), "\n".join(fields_of(finding)), finding["repair"])
        for section in report["sections"]
        for finding in section["findings"]
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in cells)
    head = "".join(f"<th>{name}</th>" for name in ("section", "where", "what", "expected → actual", "repair"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _cell(text: str) -> str:
    return f"<td>{escape(text).replace(chr(10), '<br/>')}</td>"
