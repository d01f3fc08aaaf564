"""Notes on what a study declares and has no effect on these runs."""

from __future__ import annotations

from medkt_eval.evaluation import evaluate

ROW = "source = 'paper'\nmethod = 'attention_transfer'\nstudent = 'densenet40'\nvalue = 0.8\n"


def test_latex_and_references_of_unknown_labels_and_data_sets_are_noted(two_arms, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(
        "[analysis.label_latex]\nEdemma = 'E'\nEdema = 'E'\n"
        f"[[analysis.reference]]\n{ROW}dataset = 'elsewhere'\n"
        f"[[analysis.reference]]\n{ROW}dataset = 'phantom-chest'\nlabel = 'Efusion'\n"
        f"[[analysis.reference]]\n{ROW}dataset = 'phantom-chest'\n"
    )
    notes = [note for note in evaluate(two_arms, study=study, replicates=0).settings.notes if "[analysis]" in note]
    labels = "expected one of Edema, Effusion, Pneumonia"
    assert notes == [
        f"[analysis] label_latex: 'Edemma' is not a label of these runs and has no effect; {labels}; "
        "did you mean 'Edema'?",
        "[analysis] reference.0: 'elsewhere' is no data set of these runs, so the number is not shown; expected one of "
        "phantom-chest",
        f"[analysis] reference.1: 'Efusion' is not a label of phantom-chest, so the number is not shown; {labels}; "
        "did you mean 'Effusion'?",
    ]
