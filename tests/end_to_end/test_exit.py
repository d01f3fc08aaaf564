"""How commands end: one line, bounded and escaped, and an exit status that docs/formats.md states."""

import numpy as np
import pytest

from medkt.cli import app
from medkt.cli.exit import one_line
from medkt.errors import TrainingError
from medkt.example.generate import example_tables
from medkt_eval.errors import InputError
from medkt_eval.results.schema import EvaluationResult


@pytest.fixture
def ending(monkeypatch, capsys):
    """Run `medkt plan x` with the error that it ends in; return the status and standard error."""

    def end(error: BaseException) -> tuple[int, str]:
        def fails(*_, **__):
            raise error

        monkeypatch.setattr("medkt_eval.results.schema.EvaluationResult.read", fails)
        monkeypatch.setattr("sys.argv", ["medkt", "plan", "x", "--effect", "0.02"])
        with pytest.raises(SystemExit) as ended:
            app.main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return end


@pytest.mark.parametrize(
    ("error", "status", "begins"),
    [
        (InputError("a.csv: no such column"), 2, "medkt: a.csv: no such column"),
        (TrainingError("the loss is not finite"), 1, "medkt: the loss is not finite"),
        (
            OSError(28, "No space left on device", "ev/results.json"),
            1,
            "medkt: ev/results.json: No space left on device",
        ),
        (MemoryError("Unable to allocate 7 TiB"), 1, "medkt: memory does not suffice (Unable to allocate 7 TiB)"),
        (RecursionError("maximum recursion depth exceeded"), 1, "medkt: RecursionError: maximum recursion"),
        (KeyError("a\nb\x1b[31m"), 1, r"medkt: KeyError: 'a\nb\x1b[31m'. medkt did not expect this error"),
        (
            ValueError("line one\n  line two\r\n\x1b[31mred\u2028"),
            1,
            r"medkt: ValueError: line one | line two | \x1b[31mred\u2028.",
        ),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), 1, "medkt: UnicodeEncodeError: "),
    ],
)
def test_every_error_becomes_one_line(ending, error, status, begins):
    ended, said = ending(error)
    assert ended == status
    assert said.startswith(begins)
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_message_of_a_megabyte_is_cut_in_the_middle_and_keeps_its_end(ending):
    _, said = ending(InputError(f"a.csv: {'x' * 1_000_000}; expected a header: add one"))
    assert len(said) < 5000
    assert said.startswith("medkt: a.csv: xxx")
    assert said.endswith("expected a header: add one\n")
    assert "characters left out" in said


def test_the_traceback_is_printed_on_request(ending, monkeypatch):
    _, without = ending(KeyError("a"))
    assert "MEDKT_TRACEBACK=1" in without
    monkeypatch.setenv("MEDKT_TRACEBACK", "1")
    status, said = ending(KeyError("a"))
    assert status == 1
    assert "Traceback (most recent call last)" in said
    assert said.splitlines()[-1].startswith("medkt: KeyError: 'a'")


def test_quoted_blanks_are_kept():
    assert one_line("the patient 'p1  ' and 'p1\xa0'") == r"the patient 'p1  ' and 'p1\xa0'"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set"),
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE is 'abc'; expected the number of processes"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE is '0'; expected the number of processes"),
    ],
)
def test_the_environment_of_torchrun_is_checked(medkt_here, monkeypatch, environment, said):
    pytest.importorskip("torch")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused = medkt_here("train", "demo")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.fixture
def predictions(tmp_path):
    """Prediction files of two arms in the folder in which commands run."""
    for name, table in example_tables(np.random.default_rng(23)).items():
        table.to_csv(tmp_path / name, index=False)
    return "evaluate", "--arm", "TL=tl_seed*.csv", "--arm", "AT=at_seed*.csv", "--replicates", "0", "--no-report"


def test_where_no_compiled_code_can_be_kept_the_results_are_the_same(medkt, predictions, tmp_path, monkeypatch):
    assert medkt(*predictions, "--out", "kept").returncode == 0
    monkeypatch.setenv("NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")  # as if no folder could be written
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    evaluated = medkt(*predictions, "--out", "not-kept")
    assert evaluated.returncode == 0
    assert "Set NUMBA_CACHE_DIR to a folder that can." in evaluated.stderr
    assert evaluated.stderr.count("\n") == 1
    kept, not_kept = (EvaluationResult.read(tmp_path / folder / "results.json") for folder in ("kept", "not-kept"))
    assert kept.comparisons == not_kept.comparisons


def test_damaged_compiled_code_is_named_with_what_to_remove(medkt, predictions, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert medkt(*predictions).returncode == 0
    for path in (tmp_path / "cache").rglob("*.nbi"):
        content = bytearray(path.read_bytes())
        content[20] ^= 0xFF
        path.write_bytes(content)
    ended = medkt(*predictions)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"medkt: {tmp_path / 'cache'}")
    assert "remove the *.nbi and *.nbc files in that folder" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_ctrl_c_ends_any_command_with_one_line_and_130(ending):
    assert ending(KeyboardInterrupt()) == (130, "medkt: interrupted. Files that were complete before are kept\n")


@pytest.mark.parametrize("value", ["abc", "-1", "9" * 40])
def test_a_wrong_source_date_epoch_is_refused(medkt, monkeypatch, value):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)  # numpy reads it when it is imported
    refused = medkt("report", "results.json")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"medkt: SOURCE_DATE_EPOCH is {value!r}; expected the seconds since 1970, or no such environment variable\n"
    )
