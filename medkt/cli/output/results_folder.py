"""Writes the folder of an evaluation: results.json, the pictures of the runs, and the report, all of one evaluation.

In: the results, and a `Delivery` into the folder. Out: the files, and lines that name them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.delivery import Delivery
from medkt_eval.runtime.folder_lock import locked
from medkt_eval.training_records.pictures import older_pictures, picture_files

REPORT = "report"


def write(
    result: EvaluationResult, runs: Path | None, out: Path, new: Delivery, *, report: bool, images: bool
) -> list[str]:
    """Replace the results in a folder, and the report that belongs to them.

    Parameters
    ----------
    result : EvaluationResult
    runs : Path or None
        Folder of the runs, which may hold pictures.
    out : Path
        Folder of the results.
    new : Delivery
        Into that folder.
    report : bool
        Whether to write the report. Otherwise a report that is there is marked as older.
    images : bool
        Whether the report shows the pictures.

    Returns
    -------
    list of str
        What was written, to print.
    """
    new.add("results.json", result.text())  # first, so that it is the first to be moved
    for name, content in picture_files(result, runs):
        new.add(name, content)
    lines = [f"Results: {out / 'results.json'}"]
    if not report:
        return lines + _without_report(out, new)
    _with_report(result, out, new, images=images)
    return [*lines, f"Report:  {out / REPORT / 'index.html'}"]


def _without_report(out: Path, new: Delivery) -> list[str]:
    from medkt_reports.page.notices import marked_as_older

    page = out / REPORT / "index.html"
    if not page.is_file():
        new.deliver(older=older_pictures(out))
        return []
    marked = marked_as_older(page.read_text(encoding="utf-8", errors="replace"))
    new.deliver(page=f"{REPORT}/index.html", notice=marked, older=older_pictures(out))
    return [f"Report:  {page} is older, and says so now; to write it again: medkt report {out / 'results.json'}"]


def _with_report(result: EvaluationResult, out: Path, new: Delivery, *, images: bool) -> None:
    from medkt_reports.build import PAGE, older_files, report_files
    from medkt_reports.page.notices import UNFINISHED

    with locked(out / REPORT):
        older = [*older_pictures(out), *(f"{REPORT}/{name}" for name in older_files(out / REPORT))]
        try:
            for name, content in report_files(result, images=new.aside if images else None):
                new.add(f"{REPORT}/{name}", content)
        except BaseException:  # the results may have taken hours, so they are kept
            new.leave_out(REPORT)
            new.deliver(page=f"{REPORT}/{PAGE}", notice=UNFINISHED, older=older)
            print(f"Results: {out / 'results.json'}; the report could not be written", file=sys.stderr)
            raise
        new.deliver(page=f"{REPORT}/{PAGE}", notice=UNFINISHED, older=older)
