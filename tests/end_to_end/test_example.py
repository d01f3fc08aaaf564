"""`medkt example` copies prediction files that ship with medkt, and prints the command that evaluates them."""

import io
import shlex

import numpy as np
import pytest

from medkt.example.generate import example_tables
from medkt_eval.results.schema import EvaluationResult


@pytest.fixture
def tables():
    """The files as the generator draws them now."""
    return example_tables(np.random.default_rng(23))


def test_the_files_are_copied_and_the_printed_command_evaluates_them(medkt, tmp_path, tables):
    copied = medkt("example")
    assert copied.returncode == 0, copied.stderr
    assert sorted(path.name for path in (tmp_path / "medkt-example").iterdir()) == sorted(tables)
    command = shlex.split(copied.stdout.splitlines()[-1])
    assert command[:2] == ["medkt", "evaluate"]
    evaluated = medkt(*command[1:], "--no-report")
    assert evaluated.returncode == 0, evaluated.stderr
    result = EvaluationResult.read(tmp_path / "evaluation" / "results.json")
    assert [(arm.name, arm.seeds) for arm in result.arms] == [
        ("Attention transfer", [0, 1, 2]),
        ("Transfer learning", [0, 1, 2]),
    ]
    shown = {
        row.label: row.p_adjusted < 0.05
        for row in result.comparisons
        if row.metric == "auc" and row.test == "obuchowski-rockette" and row.group is None and row.kind == "declared"
    }
    assert {label: shown[label] for label in ("Atelectasis", "Edema", "Effusion")} == {
        "Atelectasis": False,
        "Edema": True,
        "Effusion": False,
    }


def test_a_folder_with_spaces_is_quoted_in_the_command(medkt, tmp_path):
    copied = medkt("example", "my first study")
    (command,) = [line for line in copied.stdout.splitlines() if "evaluate" in line]
    assert shlex.split(command)[3] == "Transfer learning=my first study/tl_seed*.csv"
    assert len(list((tmp_path / "my first study").iterdir())) == 6


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_exists_is_left_alone(medkt_here, tmp_path, kind):
    place = tmp_path / "taken"
    if kind == "folder":
        place.mkdir()
    else:
        place.write_text("mine")
    refused = medkt_here("example", "taken")
    assert refused.returncode == 2
    assert refused.stderr == "medkt: taken exists already; name another folder: medkt example DIR\n"
    assert kind == "folder" or place.read_text() == "mine"
    assert kind == "file" or not list(place.iterdir())


def test_the_shipped_files_are_those_that_the_generator_writes(medkt, tmp_path, tables):
    medkt("example", "copy")
    for name, table in tables.items():
        text = io.StringIO()
        table.to_csv(text, index=False, lineterminator="\n")
        assert (tmp_path / "copy" / name).read_text() == text.getvalue(), name
