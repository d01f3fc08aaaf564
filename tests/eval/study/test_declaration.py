"""The table `[analysis]` of a study file: a file without it is refused, and so is what cannot be meant."""

from __future__ import annotations

import pytest

from medkt_eval.errors import InputError
from medkt_eval.study.declaration import Analysis, read_declaration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[anaylsis]\nbaseline = 'AT'", "it holds 'anaylsis'.*did you mean 'analysis' instead of 'anaylsis'"),
        ("[Analysis]\nbaseline = 'AT'", "did you mean 'analysis' instead of 'Analysis'"),
        ("baseline = 'AT'\nmargin = 0.02", r"'baseline' belongs into that table: write a line \[analysis\] above it"),
        ("[primary]\narm_a = 'AT'", r"'primary' belongs into that table: write \[analysis.primary\]"),
        ("name = 'x'\n[[arms]]\n[Analysis]", "did you mean 'analysis' instead of 'Analysis'"),
        ("[other]", r"it holds 'other'; expected a table \[analysis\]$"),
        ("", r"the file is empty; expected a table \[analysis\]$"),
    ],
)
def test_a_study_file_without_the_table_is_refused(tmp_path, text, said):
    study = tmp_path / "study.toml"
    study.write_text(text)
    with pytest.raises(InputError, match=said):
        read_declaration(None, study)


def test_a_whole_study_of_training_may_leave_the_analysis_out(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text("name = 'x'\n[data.d]\n[training]\n[teachers.t]\n[[arms]]\n[report]")
    assert read_declaration(None, study).analysis == Analysis()
