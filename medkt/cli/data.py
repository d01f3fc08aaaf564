"""The commands `medkt data`: describe, check."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medkt.cli.shared import PLACE, fail, place_given

data_app = typer.Typer(help="What is in a data set, and what is wrong with it.", no_args_is_help=True)
Dataset = Annotated[str, typer.Argument(help="chestxray8, chexpert, folder ...; with --study, one of its data sets.")]
Root = Annotated[
    Path | None, typer.Option(parser=place_given, metavar=PLACE, help="Folder of the images.", show_default=False)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="key=value, any setting of a study file's data set, e.g. class_column=grade, "
        "classes=0,1,2, validation_size=500, exclude=exclude.csv.",
        show_default=False,
    ),
]
StudyFile = Annotated[Path | None, typer.Option(help="Study file that defines the data set.", show_default=False)]
DataOut = Annotated[Path | None, typer.Option(help="Folder for the page. Default: data-NAME.", show_default=False)]
NoImages = Annotated[bool, typer.Option("--no-images", help="No image of the data set in the page.")]


class Fix(StrEnum):
    """What `medkt data check` can do about its findings."""

    exclude = "exclude"


@data_app.command()
def describe(
    dataset: Dataset,
    root: Root = None,
    setting: Set = None,
    study: StudyFile = None,
    out: DataOut = None,
    no_images: NoImages = False,
) -> None:
    """Say what is in a data set: splits, labels, patients, images; as tables and as a page."""
    _check_can_read_images()
    from medkt.data_report import describe as describing
    from medkt.data_report import page, terminal
    from medkt.data_report.opening import opened
    from medkt_eval.runtime.atomic_files import write_text_atomically

    found = opened(dataset, root, setting or [], study)
    with terminal.bar("headers") as progress:
        tables = describing.describe(found, progress)
    terminal.show_tables(tables)
    folder = out or Path(f"data-{found.name}")
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomically(folder / "describe.html", page.description(found, tables, images=not no_images))
    print(f"Page:  {folder / 'describe.html'}")


@data_app.command()
def check(
    dataset: Dataset,
    root: Root = None,
    setting: Set = None,
    study: StudyFile = None,
    out: DataOut = None,
    no_images: NoImages = False,
    fix: Annotated[
        Fix | None, typer.Option(help="exclude: write exclude.csv, for the setting 'exclude'.", show_default=False)
    ] = None,
) -> None:
    """Say what is wrong with a data set. Exit 2 where training on it would be wrong."""
    _check_can_read_images()
    from medkt.data_report import page, terminal
    from medkt.data_report.check import check as check_data
    from medkt.data_report.findings import exclusion_list
    from medkt.data_report.opening import opened
    from medkt_eval.runtime.atomic_files import write_text_atomically

    found = opened(dataset, root, setting or [], study)
    with terminal.bar("images") as progress:
        checked = check_data(found, progress)
    terminal.show_findings(checked)
    folder = out or Path(f"data-{found.name}")
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomically(folder / "findings.json", checked.json())
    write_text_atomically(folder / "check.html", page.findings(found, checked, images=not no_images))
    print(f"Page:      {folder / 'check.html'}")
    print(f"Findings:  {folder / 'findings.json'}")
    if fix is not None:
        leave_out = checked.exclude()
        write_text_atomically(folder / "exclude.csv", exclusion_list(leave_out))
        print(f"To leave out: {folder / 'exclude.csv'}, {len(leave_out):,} images (setting: exclude)")
    if checked.wrong:
        kinds = ", ".join(dict.fromkeys(one.check for one in checked.findings if one.severity == "error"))
        fail(f"{found.name}: training on it would be wrong: {kinds}", 2)


def _check_can_read_images() -> None:
    try:
        import imagehash  # noqa: F401
    except ModuleNotFoundError:
        fail('reading images needs more: pip install "medkt[train]" (from a checkout: pip install ".[train]")', 2)
