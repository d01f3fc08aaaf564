"""The commands `medkt data`: describe, check."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medkt.cli.options import PATH_OR_URL, path_or_url
from medkt_eval.errors import InputError

data_app = typer.Typer(help="Describe a data set, and check it for errors.", no_args_is_help=True)
Dataset = Annotated[str, typer.Argument(help="chestxray8, chexpert, folder, ...; with --study, one of its data sets.")]
Root = Annotated[
    Path | None, typer.Option(parser=path_or_url, metavar=PATH_OR_URL, help="Folder of the images.", show_default=False)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="key=value: any setting that a data set can have in a study file, e.g. class_column=grade, "
        "classes=0,1,2, validation_size=500, exclude=exclude.csv.",
        show_default=False,
    ),
]
StudyFile = Annotated[Path | None, typer.Option(help="Study file that defines the data set.", show_default=False)]
DataOut = Annotated[Path | None, typer.Option(help="Folder for the page. Default: data-NAME.", show_default=False)]
NoImages = Annotated[bool, typer.Option("--no-images", help="Leave images of the data set out of the page.")]


class Fix(StrEnum):
    """What `medkt data check` can do about errors."""

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
    """Describe a data set as tables and as a page: splits, labels, patients, images."""
    _check_can_read_images()
    from medkt.data_report import describe as describing
    from medkt.data_report import page, terminal
    from medkt.data_report.opening import opened
    from medkt_eval.runtime.delivery import delivery

    opened_data = opened(dataset, root, setting or [], study)
    with terminal.bar("headers") as progress:
        tables = describing.describe(opened_data, progress)
    folder = out or Path(f"data-{opened_data.name}")
    with delivery(folder) as new:
        new.add("describe.html", page.description(opened_data, tables, images=not no_images))
        new.deliver()
    terminal.show_tables(tables)
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
        Fix | None,
        typer.Option(help="exclude: write exclude.csv, for the setting 'exclude' of a study file.", show_default=False),
    ] = None,
) -> None:
    """Check a data set for errors. It exits with status 2 if you should not train on this data set."""
    _check_can_read_images()
    from medkt.data_report import page, terminal
    from medkt.data_report.check import check as check_data
    from medkt.data_report.findings import exclusion_list
    from medkt.data_report.opening import opened
    from medkt_eval.runtime.delivery import delivery

    opened_data = opened(dataset, root, setting or [], study)
    with terminal.bar("images") as progress:
        checked = check_data(opened_data, progress)
    folder = out or Path(f"data-{opened_data.name}")
    excluded = checked.exclude() if fix is not None else None
    with delivery(folder) as new:
        new.add("findings.json", checked.json())
        new.add("check.html", page.findings(opened_data, checked, images=not no_images))
        if excluded is not None:
            new.add("exclude.csv", exclusion_list(excluded))
        new.deliver()
    terminal.show_findings(checked)
    print(f"Page:      {folder / 'check.html'}")
    print(f"Findings:  {folder / 'findings.json'}")
    if excluded is not None:
        print(f"To exclude: {folder / 'exclude.csv'}, {len(excluded):,} images (setting: exclude)")
    if checked.wrong:
        kinds = ", ".join(dict.fromkeys(finding.check for finding in checked.findings if finding.severity == "error"))
        raise InputError(f"{opened_data.name}: you should not train on this data set: {kinds}")


def _check_can_read_images() -> None:
    try:
        import imagehash  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            'reading images needs more packages: pip install "medkt[train]" (from a checkout: pip install ".[train]")'
        ) from None
