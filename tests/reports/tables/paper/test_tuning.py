"""Table III: the chosen setting, the number of settings, and a mark for the edge of a grid."""

from __future__ import annotations

from typing import Any

from medkt_eval.results.recorded import Tuning
from medkt_reports.lookup import Lookup
from medkt_reports.tables.paper.tuning import table_three


def tried(value: float, *, chosen: bool = False, **changes: Any) -> Tuning:
    fields: dict[str, Any] = {
        "grid": "beta",
        "dataset": "phantom-chest",
        "train_size": 200,
        "arm": "x",
        "method": "attention_transfer",
        "student": "densenet40",
        "teacher": "mimic",
        "unfrozen": "all",
        "varied": {"beta": 1.0},
        "metric": "auc",
        "label": "macro",
        "seeds": [0, 1],
        "values": [value - 0.01, value + 0.01],
        "value": value,
        "chosen": chosen,
    }
    return Tuning(**{**fields, **changes})


def beta(value: float, b: float, **changes: Any) -> Tuning:
    return tried(value, varied={"beta": b}, **changes)


GRIDS = [
    beta(0.70, 1.0),
    beta(0.74, 20.0, chosen=True),
    beta(0.71, 2000.0),
    *(beta(0.6 + b / 1e4, b, teacher="imagenet", grid="other", chosen=b == 2000) for b in (1.0, 20.0, 500.0, 2000.0)),
    beta(0.8, 5.0, student="densenet121", chosen=True, dataset="phantom-fundus", train_size=800, unfrozen="last34"),
]


def built(result, rows):
    return table_three(Lookup(result.model_copy(update={"tuning": rows})))


def test_students_are_rows_and_teachers_columns(result):
    table = built(result, GRIDS)
    assert [(span.text, span.width) for span in table.head[0]] == [
        ("Student", 1),
        ("Teacher ImageNet", 3),
        ("Teacher MIMIC-CXR", 3),
    ]
    assert [(row.group, row.stub.text) for row in table.rows] == [
        ("Phantom chest, 200 training images", "DenseNet-40"),
        ("Phantom fundus, 800 training images", "DenseNet-121, last 34 layers"),
    ]
    first = [cell.text for cell in table.rows[0].cells]
    assert first == ["beta 2000‡", "4", "80.0", "beta 20", "3", "74.0"]
    assert [cell.text for cell in table.rows[1].cells] == ["", "", "", "beta 5", "1", "80.0"]
    assert table.rows[1].cells[0].footnote == "no grid was searched"
    assert table.rows[0].cells[2].value == 0.8
    assert table.synthetic == ["Phantom chest"]


def test_a_cell_tells_the_whole_grid(result):
    assert built(result, GRIDS).rows[0].cells[3].footnote == (
        "Validation macro AUC: beta 1: 70.00; beta 20: 74.00; beta 2000: 71.00"
    )


def test_an_edge_is_marked_only_of_three_numbers_or_more(result):
    assert any("outside the grid" in note for note in built(result, GRIDS).notes)
    two = [beta(0.7, 1.0), beta(0.8, 2.0, chosen=True)]
    words = [
        tried(0.7 + k / 100, varied={"attention_loss": name}, chosen=k == 2)
        for k, name in enumerate(("eq1", "frobenius", "zagoruyko"))
    ]
    for rows, printed in ((two, "beta 2"), (words, "attention loss zagoruyko")):
        table = built(result, rows)
        assert table.rows[0].cells[0].text == printed
        assert not any("outside the grid" in note for note in table.notes)


def test_a_second_grid_of_the_same_student_and_teacher_has_a_row_of_its_own(result):
    more = [
        tried(0.7, varied={"learning_rate": 1e-4}, grid="rate"),
        tried(0.72, varied={"learning_rate": 1e-3}, grid="rate", chosen=True),
    ]
    table = built(result, [*GRIDS[:3], *more])
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["beta 20", "3", "74.0"],
        ["learning rate 0.001", "2", "72.0"],
    ]


def test_no_grid_is_no_table(result):
    assert built(result, []) is None
