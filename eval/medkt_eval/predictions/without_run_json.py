"""Arms without run.json: only predictions, from the command line or from Python.

In: for each arm's name one prediction table per seed, as files or DataFrames with the columns of docs/formats.md. Out:
`RunFromTables`s, which the evaluation reads like run folders. Columns give task and labels, file names give seeds.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions import format as predictions
from medkt_eval.predictions.columns.mapping import check_mapping, check_somewhere
from medkt_eval.predictions.columns.names import Task, score_column
from medkt_eval.predictions.columns.roles import recognise
from medkt_eval.predictions.files import any_format as files
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.predictions.run_folders import FORMAT, ArmFields, Manifest, check_labels
from medkt_eval.predictions.values.look_alikes import difference, folded
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.reading.files import check_readable
from medkt_eval.runtime.reading.names import LONGEST_ID, check_name, check_printable

DATASET = "predictions"  # all arms of one call are one data set
NOT_STATED = ""  # method and student, which are unknown here


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """Predictions of one seed on one split: a file or a DataFrame, with its name for messages."""

    source: str
    content: pd.DataFrame | Path
    given: Mapping[str, str] = field(default_factory=dict)  # `--columns`

    def task_and_labels(self) -> tuple[Task, tuple[str, ...]]:
        """Task and labels by the columns; only the header of a file is read."""
        found = recognise(self.column_names(), self.given, source=self.source)
        return found.task, found.labels

    def column_names(self) -> list[str]:
        """The header."""
        if isinstance(self.content, Path):
            return files.column_names(self.content)
        return [str(name) for name in self.content.columns]

    def rows(self) -> int | None:
        """Number of images; None if only reading the file would tell."""
        return len(self.content) if isinstance(self.content, pd.DataFrame) else files.count_rows(self.content)

    def read(self, task: Task, labels: Sequence[str], *, in_memory: bool) -> AnyPredictions:
        """The table, validated."""
        if isinstance(self.content, Path):
            return files.read(self.content, task, labels, in_memory=in_memory, given=self.given)
        return from_frame(self.content, task, labels, source=self.source, given=self.given)

    def sha256(self) -> str:
        """Hash of the file, or of what `to_csv(index=False)` writes for a DataFrame, with line feeds."""
        if isinstance(self.content, Path):
            return sha256_of_file(self.content)
        return hashlib.sha256(
            cast(Any, self.content)
            .to_csv(index=False, lineterminator="\n", errors="surrogatepass")
            .encode(errors="surrogatepass")  # pandas passes `errors` on to Python; its stubs name fewer
        ).hexdigest()


@dataclass(frozen=True, eq=False)
class RunFromTables:
    """One seed of one arm: a `run_folders.Run` from tables."""

    manifest: Manifest
    test_table: PredictionTable
    validation_table: PredictionTable | None = None

    @property
    def source(self) -> str:
        """Name of the run in messages."""
        return self.test_table.source

    def test_rows(self) -> int | None:
        """Number of test images; None if only reading them would tell."""
        return self.test_table.rows()

    def test(self, *, in_memory: bool = True) -> AnyPredictions:
        """The test predictions."""
        return self.test_table.read(self.manifest.arm.task, self.manifest.labels, in_memory=in_memory)

    def validation(self, *, in_memory: bool = True) -> AnyPredictions | None:
        """The validation predictions, or None if there are none."""
        table = self.validation_table
        return None if table is None else table.read(self.manifest.arm.task, self.manifest.labels, in_memory=in_memory)

    def history(self) -> None:
        """Tables have no training history."""

    def sha256(self) -> str:
        """Hash of the test predictions."""
        return self.test_table.sha256()


def parse_arm(text: str, option: str = "--arm") -> tuple[str, list[Path]]:
    """Parse `NAME=PATTERN`, for example `TL=tl_seed*.csv`; the pattern is a file or a glob, `**` included.

    The name may hold "=": it ends at the first "=" after which a file matches, as in `AT (beta=50)=at_seed*.csv`.

    Raises
    ------
    InputError
        If there is no name, no pattern, or no file that matches.
    """
    parts = text.split("=")
    splits = [("=".join(parts[:k]).strip(), "=".join(parts[k:]).strip()) for k in range(1, len(parts))]
    splits = [(name, pattern) for name, pattern in splits if name and pattern]
    if not splits:
        raise InputError(f'{option} {text!r}: expected NAME=FILES, for example {option} "TL=tl_seed*.csv"')
    for name, pattern in splits:
        matching = [pattern] if Path(pattern).is_file() else glob.glob(pattern, recursive=True)  # noqa: PTH207
        files = sorted(map(Path, matching))
        check_printable(map(str, files), "file", f"{option} {name}", longest=LONGEST_ID)
        for path in files:  # what a pattern matches is never passed over: a seed would be lost
            check_readable(path, f"a prediction file, since {option} {name} matches it")
        if files:
            return name, files
    patterns = " or ".join(repr(pattern) for _, pattern in splits)
    raise InputError(f"{option} {text!r}: no file matches {patterns}; expected one prediction file a seed")


def parse_arms(texts: Iterable[str], option: str = "--arm") -> dict[str, list[Path]]:
    """Parse the files of every arm, in the order given.

    Raises
    ------
    InputError
        As in `parse_arm`, or if a name is given twice.
    """
    arms: dict[str, list[Path]] = {}
    for text in texts:
        name, files = parse_arm(text, option)
        if name in arms:
            raise InputError(f"{option} {name} is given twice; expected one pattern that matches all its files")
        arms[name] = files
    return arms


def runs_from_tables(
    arms: Mapping[str, Sequence[pd.DataFrame | Path | str]],
    *,
    validation: Mapping[str, Sequence[pd.DataFrame | Path | str]] | None = None,
    given: Mapping[str, str] | None = None,
) -> list[RunFromTables]:
    """Make runs of arms from prediction tables, one table per seed; only the headers of files are read.

    Parameters
    ----------
    arms : mapping of str to sequence of DataFrame or path
        Arm's name -> its test predictions. A file's seed is the last integer in its name. If no file name of the
        arm has a number, and for DataFrames, seeds are 0, 1, ... in the order given.
    validation : mapping of str to sequence of DataFrame or path, or None
        Arm's name -> its validation predictions, of the same seeds. An arm without them has no thresholds.
    given : mapping of str to str, or None
        Which column holds what in every table, where its name is not that of docs/formats.md (`--columns`).

    Returns
    -------
    list of RunFromTables
        In the order given. Ids are the names in lower case, words joined by hyphens; data set `predictions`.

    Raises
    ------
    InputError
        Naming the arm, file or column that is wrong. Values are checked when a run is read.

    Examples
    --------
    >>> frame = pd.DataFrame({"image_id": ["a", "b"], "patient_id": ["1", "2"], "target_Edema": [0, 1],
    ...                       "score_Edema": [0.2, 0.7]})
    >>> runs = runs_from_tables({"Transfer learning": [frame], "AT": [frame.copy(), frame.copy()]})
    >>> [run.manifest.run_id for run in runs]
    ['transfer-learning-s0', 'at-s0', 'at-s1']
    """
    if not arms:
        raise InputError('no arm is given; expected one or more, for example --arm "TL=tl_seed*.csv"')
    given = given or {}
    check_mapping(given)
    slugs = _slugs(arms)
    test = {name: _tables(name, contents, "test", given) for name, contents in arms.items()}
    validation_tables = {
        name: _tables(name, contents, "validation", given) for name, contents in (validation or {}).items()
    }
    _check_seeds(test, validation_tables)
    tables = [table for arm in (*test.values(), *validation_tables.values()) for table in arm.values()]
    _check_given_once(tables)
    task, labels = _shared_task_and_labels(tables)
    check_somewhere(given, ((table.source, table.column_names()) for table in tables))
    return [
        RunFromTables(
            Manifest(
                format=FORMAT,
                run_id=check_name(f"{slugs[name]}-s{seed}", "the arm's name with its seed,", table.source),
                arm=ArmFields(dataset=DATASET, task=task, method=NOT_STATED, student=NOT_STATED, name=name),
                seed=seed,
                labels=list(labels),
            ),
            table,
            validation_tables.get(name, {}).get(seed),
        )
        for name, of_seed in test.items()
        for seed, table in of_seed.items()
    ]


def _slugs(names: Iterable[str]) -> dict[str, str]:
    """Each arm's id, which two arms cannot share."""
    slugs: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[\W_]+", "-", name.lower()).strip("-") if isinstance(name, str) else ""
        if not slug:
            raise InputError(f"an arm is called {name!r}; expected text with a letter or a digit")
        check_name(name, "arm", "the arms")
        twin = next((other for other, taken in slugs.items() if taken == slug), None)
        look_alike = next((other for other in slugs if folded(other) == folded(name)), None)
        if look_alike is not None and twin is None:
            raise InputError(f"arms {difference(look_alike, name)}; give one another name")
        if twin is not None:
            raise InputError(f"arms {twin!r} and {name!r} would both have the id {slug!r}; give one another name")
        slugs[name] = slug
    return slugs


def _tables(
    name: str, tables_of_arm: Sequence[pd.DataFrame | Path | str], split: str, given: Mapping[str, str]
) -> dict[int, PredictionTable]:
    """Tables of one arm and split by their seeds, in the order given."""
    if isinstance(tables_of_arm, pd.DataFrame | Path | str) or not len(tables_of_arm):
        raise InputError(f"arm {name!r}, {split}: expected a list of tables or files, one a seed")
    contents = [Path(each) if isinstance(each, str) else each for each in tables_of_arm]
    sources = [
        str(each) if isinstance(each, Path) else f"arm {name!r}, {split} table {k}" for k, each in enumerate(contents)
    ]
    for content, source in zip(contents, sources, strict=True):
        if isinstance(content, Path):
            _check_file(content)
        elif not isinstance(content, pd.DataFrame):
            raise InputError(f"{source}: is of type {type(content).__name__}; expected a pandas DataFrame or a path")
    tables: dict[int, PredictionTable] = {}
    for seed, source, content in zip(_seeds(contents, sources), sources, contents, strict=True):
        if seed in tables:
            raise InputError(
                f"{tables[seed].source} and {source} both have seed {seed}, the last number in their "
                f"names, in arm {name!r}; expected one file a seed"
            )
        tables[seed] = PredictionTable(source, content, given)
    return tables


def _check_file(path: Path) -> None:
    if not path.name.endswith(predictions.SUFFIXES):
        raise InputError(f"{path}: not a prediction file by its name; expected {', '.join(predictions.SUFFIXES)}")
    check_readable(path, "the predictions of one seed")


def _seeds(contents: Sequence[pd.DataFrame | Path], sources: Sequence[str]) -> list[int]:
    found = [_number_in_name(content) if isinstance(content, Path) else None for content in contents]
    if all(number is None for number in found):
        return list(range(len(contents)))
    if None in found:
        with_seed = next(source for source, number in zip(sources, found, strict=True) if number is not None)
        raise InputError(
            f"{sources[found.index(None)]}: no seed in its name, while {with_seed} has one; "
            "expected a number in every file name of an arm, or in none"
        )
    return [number for number in found if number is not None]


def _number_in_name(path: Path) -> int | None:
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    numbers = re.findall("[0-9]+", stem)
    return int(numbers[-1]) if numbers else None


def _check_seeds(
    test: Mapping[str, Mapping[int, PredictionTable]], validation: Mapping[str, Mapping[int, PredictionTable]]
) -> None:
    """Check that every validation table has the seed and arm of a test table."""
    for name, tables in validation.items():
        if name not in test:
            raise InputError(
                f"validation predictions are given for arm {name!r}, which has no test predictions; "
                f"expected one of {', '.join(test)}"
            )
        if tables.keys() != test[name].keys():
            seeds = [", ".join(map(str, sorted(of))) for of in (tables, test[name])]
            raise InputError(
                f"arm {name!r}: validation predictions are of seeds {seeds[0]}, test predictions of seeds "
                f"{seeds[1]}; expected the same"
            )


def _check_given_once(tables: Sequence[PredictionTable]) -> None:
    """Refuse a repeated table: in two arms it compares a model with itself, as validation it tunes on the test set."""
    seen: dict[Path | int, PredictionTable] = {}
    for table in tables:
        key = table.content.resolve() if isinstance(table.content, Path) else id(table.content)
        if key in seen:
            raise InputError(
                f"{table.source}: is given twice (before: {seen[key].source}), for two arms, two seeds or "
                "as both test and validation; expected every table once"
            )
        seen[key] = table


def _shared_task_and_labels(tables: Sequence[PredictionTable]) -> tuple[Task, tuple[str, ...]]:
    """Task and labels of all tables, labels in the order of the first one's columns."""
    first = tables[0]
    task, labels = first.task_and_labels()
    check_labels(labels, first.source)
    of_key: dict[str, str] = {}
    for label in labels:
        twin = of_key.setdefault(folded(label), label)
        if twin != label:
            raise InputError(
                f"{first.source}: labels {difference(twin, label)} (columns {score_column(twin)!a} and "
                f"{score_column(label)!a}), and averages would count both; rename or remove one"
            )
    for table in tables[1:]:
        other_task, other = table.task_and_labels()
        if other_task != task:
            raise InputError(
                f"{table.source}: {other_task} by its columns, while {first.source} is {task}; expected one task"
            )
        missing = [(table, first, label) for label in labels if label not in other]
        missing += [(first, table, label) for label in other if label not in labels]
        if missing:
            lacks, has, label = missing[0]
            raise InputError(
                f"{lacks.source}: no label {label!r}, which {has.source} has; expected the same labels in all tables"
            )
    return task, labels
