"""Tables and findings on a terminal.

In: `Table`s of the report, or `Checked`. Out: text on standard output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Grid
from rich.text import Text

from medkt.data_report.findings import Checked
from medkt_reports.tables.model import Table

MOST_ROWS = 8
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error if it is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def show_tables(tables: list[Table]) -> None:
    """Print tables one below the other."""
    console = Console(highlight=False)
    for table in tables:
        if table.name == "together" and table.n_columns > 8:
            continue  # too wide for a terminal; the page has it
        grid = Grid(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD)
        for k, name in enumerate(table.column_names()):
            grid.add_column(name, justify="left" if k == 0 else "right", no_wrap=k == 0)
        for row in table.rows:
            grid.add_row(*(Text(cell.text) for cell in (row.stub, *row.cells)))
        console.print(grid)
        for note in table.notes:
            console.print(Text(note, style="dim"))
        console.print()


def show_findings(checked: Checked) -> None:
    """Print every finding with its first rows of evidence, then the checks not made and those without a finding."""
    console = Console(highlight=False)
    for finding in checked.findings:
        head = Text(f"{finding.severity}: ", style=_STYLES[finding.severity])
        console.print(head + Text(f"{finding.title}: {finding.count:,}", style="bold"))
        console.print(Text(finding.meaning), soft_wrap=False)
        for row in finding.evidence[:MOST_ROWS]:
            facts = [f"{name}: {value}" for name, value in row.facts.items()]
            console.print(Text("  " + "; ".join([", ".join(row.images), *facts] if row.images else facts)))
        if finding.count > MOST_ROWS:
            console.print(Text(f"  and {finding.count - MOST_ROWS:,} more"))
        console.print()
    reasons: dict[str, list[str]] = {}
    for name, reason in checked.not_checked.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        console.print(Text(f"{', '.join(names)}: {reason}."))
    if checked.nothing_found:
        console.print(Text(f"Nothing found: {', '.join(checked.nothing_found)}."))
    console.print()
