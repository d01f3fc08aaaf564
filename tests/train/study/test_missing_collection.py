"""A message names only keys that the study file has, or says that a key is missing."""

from pathlib import Path

import pytest

from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError


def test_a_data_set_without_a_collection_is_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('name = "s"\n[data.retina]\nroot = "."\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"data.retina.collection is missing; expected one of .*folder"):
        StudyFile.read(path)
