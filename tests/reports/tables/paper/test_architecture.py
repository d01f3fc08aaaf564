"""Table VI: stages as recorded by the runs. Networks that differ only in their classifier are one row."""

from __future__ import annotations

from medkt_eval.results.recorded import Architecture, Stage
from medkt_reports.lookup import Lookup
from medkt_reports.tables.paper.architecture import table_six


def network(student: str, dataset: str, n: int, *, width: int = 64) -> Architecture:
    """A network of three stages and n outputs, with its own width."""
    stages = [
        Stage(
            name="Convolution",
            operations=["7 × 7 convolution, stride 2"],
            channels=64,
            height=width,
            width=width,
            parameters=9536,
        ),
        Stage(
            name="Dense Block (1)",
            operations=["1 × 1 convolution", "3 × 3 convolution"],
            repeats=6,
            channels=256,
            height=32,
            width=32,
            parameters=335_040,
            tap=True,
        ),
        Stage(
            name="Classification",
            operations=[f"fully connected, {n} outputs"],
            channels=n,
            height=None,
            width=None,
            parameters=257 * n,
        ),
    ]
    return Architecture(
        student=student,
        dataset=dataset,
        run_id=f"{student}-{dataset}-s0",
        image_size_px=128,
        n_outputs=n,
        total_parameters=344_576 + 257 * n,
        stages=stages,
    )


def built(result, *networks):
    return table_six(Lookup(result.model_copy(update={"architectures": list(networks)})))


def test_stages_are_rows_and_the_tap_is_marked(result):
    table = built(result, network("densenet40", "phantom-fundus", 5))
    assert [[row.stub.text, *(cell.text for cell in row.cells)] for row in table.rows] == [
        ["Convolution", "64 × 64", "7 × 7 convolution, stride 2", "64", "9,536"],
        ["Dense Block (1) (tap)", "32 × 32", "(1 × 1 convolution; 3 × 3 convolution) × 6", "256", "335,040"],
        ["Classification", "1 × 1", "fully connected, 5 outputs", "5", "1,285"],
    ]
    assert table.rows[0].cells[1].footnote == "Read off run densenet40-phantom-fundus-s0."
    assert any(note.startswith("Tap:") for note in table.notes)
    assert table.synthetic == []


def test_networks_alike_but_for_the_classifier_stand_as_one_the_larger_student_first(result):
    table = built(
        result,
        network("densenet40", "phantom-chest", 14),
        network("densenet40", "phantom-fundus", 5),
        network("densenet40", "tiny_{set}&", 14),
        network("densenet121", "phantom-chest", 14, width=60),
    )
    assert [(group, len(rows)) for group, rows in table.grouped()] == [
        ("DenseNet-121, 128 px: 348,174 parameters with 14 outputs (Phantom chest)", 3),
        (
            "DenseNet-40, 128 px: 348,174 parameters with 14 outputs (Phantom chest and tiny_{set}&); "
            "345,861 parameters with 5 outputs (Phantom fundus)",
            3,
        ),
    ]
    assert table.synthetic == ["Phantom chest"]


def test_networks_that_differ_elsewhere_stand_apart(result):
    chest, fundus = network("densenet40", "phantom-chest", 14), network("densenet40", "phantom-fundus", 14, width=60)
    assert len(built(result, chest, fundus).grouped()) == 2
    assert built(result) is None
