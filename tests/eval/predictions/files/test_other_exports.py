"""Files as other programs export them: read, or refused with what the file is and what to do."""

from __future__ import annotations

import gzip
import io
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.runtime.reading.text import read_json, read_toml

N = 20


def table(seed=0):
    truth = np.arange(N) % 2
    return pd.DataFrame(
        {
            "image_id": [f"i{k:02d}" for k in range(N)],
            "patient_id": [f"p{k // 2:02d}" for k in range(N)],
            "group_sex": [str(k // 2 % 2) for k in range(N)],
            "target_A": truth,
            "score_A": (truth + np.random.default_rng(seed).random(N)).round(3) / 2,
        }
    )


def runs(content):
    return evaluate({"TL": [content]}, replicates=0).runs


def test_decimal_commas_between_tabs(tmp_path):
    table().to_csv(tmp_path / "tl_0.csv", sep="\t", decimal=",", index=False)
    assert runs(tmp_path / "tl_0.csv") == runs(table())


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda text: text.encode("utf-16"), "is text in UTF-16, not a CSV in UTF-8; save it in UTF-8"),
        (lambda text: text.replace("i03", "\u00e9").encode("latin-1"), "is not in UTF-8, perhaps in Latin-1 or"),
        (lambda text: text.replace("group_sex", "\u00e9").encode("latin-1"), "is not in UTF-8, perhaps in Latin-1 or"),
        (lambda text: gzip.compress(text.encode()), "is compressed by gzip"),
        (lambda text: b"PK\x03\x04" + text.encode(), "is a ZIP file, as Excel workbooks are"),
    ],
)
def test_other_contents_are_named(tmp_path, encode, said):
    (tmp_path / "tl_0.csv").write_bytes(encode(table().to_csv(index=False)))
    with pytest.raises(InputError, match=f"tl_0.csv: {said}"):
        runs(tmp_path / "tl_0.csv")


def test_parquet_named_csv(tmp_path):
    content = io.BytesIO()
    table().to_parquet(content)
    (tmp_path / "tl_0.csv").write_bytes(content.getvalue())
    with pytest.raises(InputError, match=r"is a Parquet file, not a CSV in UTF-8; end its name in .parquet"):
        runs(tmp_path / "tl_0.csv")


def test_string_views_and_uuids(tmp_path):
    ids = [uuid.UUID(int=k) for k in range(N)]
    columns = {name: pa.array(values) for name, values in table().items()}
    columns["patient_id"] = columns["patient_id"].cast(pa.string_view())
    columns["image_id"] = pa.array([each.bytes for each in ids], pa.uuid())
    pq.write_table(pa.table(columns), tmp_path / "tl_0.parquet")
    assert runs(tmp_path / "tl_0.parquet") == runs(table().assign(image_id=[str(each) for each in ids]))


@pytest.mark.parametrize("column", ["image_id", "patient_id", "group_sex"])
def test_whole_numbers_match_by_value(column):
    numbers = np.arange(N) // (1 if column == "image_id" else 2)
    one, other = (table(seed).assign(**{column: numbers.astype(kind)}) for seed, kind in ((0, int), (1, float)))
    assert len(evaluate({"TL": [one], "AT": [other]}, replicates=0).runs)


def test_a_byte_order_mark_is_taken(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_json(tmp_path / "a.json", "JSON") == read_toml(tmp_path / "a.toml", "TOML") == {"a": 1}
