"""Measures everything side by side, prints it, and writes docs/performance.md, its chart and a block of README.md.

python -m bench [--quick] [--only fold append] [--print-only]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from banyan_tools.local.dynamodb_local import unavailable
from banyan_tools.project import ROOT
from bench import matrix
from bench.contestants import PEERS, ContestantFailed, why_not
from bench.ground import FULL, QUICK, Ground, LeftOut, Section, prepared
from bench.page import CHART, PAGE, README, STANDS_IN_THE_WAY, machine, remark, write
from bench.results import Chapter, Figure, number
from bench.sections import SECTIONS

COLOURS = {"met": "green", "missed": "red", "": ""}


def main() -> None:
    """Measure section by section."""
    options = _options()
    if reason := unavailable():
        raise SystemExit(f"The benchmark compares on DynamoDB Local. {reason}")
    picked = [section for section in SECTIONS if not options.only or name_of(section) in options.only]
    begun = time.monotonic()
    where = machine(f"{datetime.now(UTC):%Y-%m-%d}", os.getloadavg()[0])
    chart = without_chart()
    console = Console(width=120)
    console.print(where, *([chart] if chart else []), sep="\n")
    chapters = measure(picked, quick=options.quick)
    for chapter in chapters:
        console.print(*tables(chapter))
    console.print(f"{summary(chapters)} {(time.monotonic() - begun) / 60:.1f} minutes.")
    if not (options.print_only or options.quick or options.only):
        publish(chapters, where)
        files = [file.relative_to(ROOT) for file in (PAGE, README, *([] if chart else [CHART]))]
        console.print(f"Written: {', '.join(map(str, files))}.")
    if any(chapter.failed for chapter in chapters):
        raise SystemExit("A section failed: its error stands above.")


def publish(chapters: Sequence[Chapter], where: str) -> None:
    """Write the page, the readme and the chart, unless a section could not be measured: its goals would be gone."""
    if missing := [chapter.title for chapter in chapters if not chapter.figures]:
        raise SystemExit(f"Nothing is written, as these were left out: {', '.join(missing)}.")
    write(chapters, where)
    matrix.main()
    if not without_chart():
        CHART.write_text(drawn([figure for chapter in chapters for figure in chapter.figures]))


def measure(sections: Sequence[Section], *, quick: bool) -> list[Chapter]:
    """The chapters of some sections, from one run on one DynamoDB Local."""
    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=len(sections))

        def step(what: str) -> None:
            progress.update(task, description=what)

        chapters = []
        with prepared(QUICK if quick else FULL, step) as ground:
            for number, section in enumerate(sections, 1):
                begun = time.monotonic()
                chapters.append(chapter_of(section, ground, f"{number}/{len(sections)} {section.TITLE}: "))
                progress.advance(task)
                if chapters[-1].figures:
                    progress.console.print(f"{section.TITLE}: {time.monotonic() - begun:.0f} s")
    return chapters


def chapter_of(section: Section, ground: Ground, prefix: str) -> Chapter:
    """What a section measures, or why it does not."""
    shown = Ground(
        ground.endpoint, ground.engine, ground.lineup, ground.sizes, lambda what: ground.step(f"{prefix}{what}")
    )
    try:
        left_out = ground.lineup.left_out if section is SECTIONS[0] else ()
        return Chapter(section.TITLE, section.measure(shown), left_out, sizes=ground.sizes.said(section.USES))
    except (LeftOut, ContestantFailed) as error:
        return Chapter(section.TITLE, (), (str(error),))
    except Exception as error:
        traceback.print_exc()
        return Chapter(section.TITLE, (), (f"it failed: {type(error).__name__}: {error}",), failed=True)


def name_of(section: Section) -> str:
    """What a section is picked by."""
    return str(getattr(section, "__name__", "")).rpartition(".")[2]


def tables(chapter: Chapter) -> Iterator[Table | str]:
    """The figures of a chapter, for the screen: goals, then what several did side by side."""
    title = f"{chapter.title} ({chapter.sizes})" if chapter.sizes else chapter.title
    if not chapter.figures:
        yield f"{title} is left out: {', '.join(chapter.left_out)}."
        return
    shown = Table("", "measured", "goal", "", title=title, title_justify="left")
    for figure in chapter.alone:
        colour = COLOURS[figure.verdict]
        note = remark(figure).replace("*", "")
        shown.add_row(figure.what, figure.measured, str(figure.goal or ""), f"[{colour}]{note}[/]" if colour else note)
    if chapter.alone:
        yield shown
    if chapter.names:
        beside = Table("", *chapter.names)
        for what, cells in chapter.side_by_side():
            beside.add_row(what, *cells)
        yield beside
    yield from (f"Left out: {reason}." for reason in chapter.left_out)


def summary(chapters: Sequence[Chapter]) -> str:
    """How many goals were met, and how many were not."""
    verdicts = [figure.verdict for chapter in chapters for figure in chapter.figures]
    met, missed = verdicts.count("met"), verdicts.count("missed")
    why = f' {PAGE.relative_to(ROOT)}, "{STANDS_IN_THE_WAY}", says why.' if missed else ""
    return f"{met} goals met, {missed} missed.{why}"


def without_chart() -> str:
    """Why no chart can be drawn, if so."""
    folder = PEERS / "chart"
    return "" if (folder / ".installed").exists() else f"The chart is left out: {why_not(folder)}."


def drawn(figures: Sequence[Figure]) -> str:
    """The chart as SVG, from the environment that can draw."""
    command = [str(PEERS / "chart" / "bin" / "python"), str(ROOT / "bench" / "chart.py")]
    done = subprocess.run(command, input=json.dumps(panels(figures)), capture_output=True, text=True, check=True)
    return done.stdout


def panels(figures: Sequence[Figure]) -> dict[str, list[tuple[str, float, str]]]:
    """Bars by panel, those of a peer that lost data named so."""
    found: dict[str, list[tuple[str, float, str]]] = {}
    for figure in figures:
        if figure.panel:
            name = f"{figure.who} (loses data)" if figure.lossy else figure.who
            found.setdefault(figure.panel, []).append((name, figure.value, number(figure.value)))
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes; writes nothing")
    parser.add_argument("--only", nargs="*", choices=[name_of(section) for section in SECTIONS], help="writes nothing")
    parser.add_argument("--print-only", action="store_true", help="measure everything, write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
