"""A few inputs of the fuzz, the same each time. `nox -s fuzz` tries 500."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.skipif(os.name == "nt", reason="the fuzz forks, and lays FIFOs and links")
def test_mutated_inputs_end_well_or_in_one_message(tmp_path: Path):
    pytest.importorskip("torch", reason="the fuzz also reads teachers: pip install 'medkt[train]'")
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", "30", "--seed", "1000", "--workers", "2"]
    ended = subprocess.run([*command, "--keep", tmp_path], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
