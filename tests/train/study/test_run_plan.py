"""Grids of betas, run ids, and the arms that an analysis may name."""

import json
from pathlib import Path

import pytest

from medkt.observers.observer import Observer
from medkt.run_settings import RunSettings
from medkt.study.preparation import TrainOptions
from medkt.study.run_plan import plan
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt.transfer import AttentionTransfer, KnowledgeDistillation
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate

AT = "phantom-chest-24-attention_transfer-densenet40-shapes"
# How the tiny study ends: the arm's last lines, and the analysis.
TAIL = 'beta = 2.0\nseeds = [0, 1]\n\n[analysis]\nbaseline = "TL"\n\n[analysis.primary]\narm_a = "AT"'
DISTILLED = """
[[arms]]
name = "KD"
data = "phantom-chest"
method = "knowledge_distillation"
student = "densenet40"
teacher = "shapes"
initialisation = "random"
beta = 2.0
temperature = 3.0

"""


@pytest.fixture
def planned(study_file: Path, study_text: str):
    """A function that plans the tiny study with a part of it replaced."""

    def plan_with(old: str, new: str) -> dict[str, RunSettings]:
        assert old in study_text
        study_file.write_text(study_text.replace(old, new))
        return {run.run_id: run for run in plan(read_study(study_file)[0])}

    return plan_with


def test_a_list_of_betas_is_a_grid(planned):
    runs = [run for run in planned("beta = 2.0", "beta = [20, 0.1, 1e7, 1e-5]").values() if run.name == "AT"]
    assert [(run.run_id, run.transfer.beta, run.seed, run.grid) for run in runs] == [
        (f"{AT}-{text}-s{seed}", beta, seed, AT)
        for text, beta in (("beta20", 20), ("beta0.1", 0.1), ("beta10000000", 1e7), ("beta0.00001", 1e-5))
        for seed in (0, 1)
    ]


def test_a_list_of_one_beta_is_no_grid(planned):
    run = planned("beta = 2.0", "beta = [2.0]")[f"{AT}-s0"]
    assert (run.transfer.beta, run.grid) == (2.0, None)


def test_beta_stands_beside_other_variants(planned):
    runs = planned("beta = 2.0", 'unfrozen = "last34"\nbeta = [1, 20]')
    assert runs[f"{AT}-last34-beta20-s1"].grid == f"{AT}-last34"
    runs = planned("beta = 2.0", 'unfrozen = ["classifier"]\nvariant = "own"\nbeta = [1, 20]')
    assert runs[f"{AT}-own-beta20-s1"].unfrozen == ["classifier"]


def test_layers_make_no_name_for_a_run(planned):
    with pytest.raises(InputError, match=r"arm 'AT': unfrozen lists layers.*variant = '\.\.\.'"):
        planned("beta = 2.0", 'unfrozen = ["classifier"]\nbeta = 2.0')


def test_settings_of_a_method_are_its_runs_alone(planned):
    runs = planned("[analysis]\n", DISTILLED + "[analysis]\n")
    distilled = runs["phantom-chest-24-knowledge_distillation-densenet40-shapes-random-s2"]
    assert distilled.transfer == KnowledgeDistillation(method="knowledge_distillation", temperature=3.0, beta=2.0)
    attention = runs[f"{AT}-s0"]
    assert attention.transfer == AttentionTransfer(method="attention_transfer", attention_loss="eq1", beta=2.0)


def test_two_arms_are_not_one_grid(planned, study_text: str):
    arm = study_text[study_text.rindex("[[arms]]") : study_text.index("[analysis]")]
    again = arm.replace('"AT"', '"AT again"').replace("2.0", "[3, 4]")
    with pytest.raises(InputError, match=rf"'AT' and 'AT again' would both be {AT}; give one of them a variant"):
        planned(arm, arm.replace("2.0", "[1, 2]") + again)
    with pytest.raises(InputError, match=rf"would both be {AT}"):
        planned(arm, arm + again)
    assert planned(arm, arm + again.replace("seeds", 'variant = "again"\nseeds'))


def test_an_analysis_names_a_grid_by_name_or_id(planned):
    for name in ("AT", AT):
        assert planned(TAIL, TAIL.replace("2.0", "[1, 2]").replace('"AT"', f'"{name}"'))
    with pytest.raises(InputError, match=r"primary\.arm_a is '.*-beta1', which is no arm of this study"):
        planned(TAIL, TAIL.replace("2.0", "[1, 2]").replace('"AT"', f'"{AT}-beta1"'))


def test_a_primary_contrast_is_one_contrast(planned, study_text: str):
    arms = study_text[study_text.index("[[arms]]") : study_text.index("[analysis]")]
    smaller = arms.replace("seeds", "train_size = 12\nseeds")
    with pytest.raises(InputError, match=rf"is 2 contrasts .*\({AT} - .*none, {AT.replace('24', '12')} - .*name both"):
        planned(arms, arms + smaller)
    with pytest.raises(InputError, match=r"TL - TL, is 0 contrasts"):
        planned('arm_a = "AT"', 'arm_a = "TL"')
    by_id = f'[[analysis.primary]]\narm_a = "{AT}"\narm_b = "TL"\n[[analysis.primary]]'
    with pytest.raises(InputError, match=r"primary\.1, AT - TL, is the same contrast as primary\.0; expected each"):
        planned("[analysis.primary]", by_id)


def test_primary_contrasts_keep_the_order_of_two_arms(planned):
    other_order = f'[[analysis.primary]]\narm_a = "TL"\narm_b = "{AT}"\nmetric = "f1"\n[[analysis.primary]]'
    with pytest.raises(InputError, match=r"primary\.1, AT - TL: another primary .* .* - .*always in one order"):
        planned("[analysis.primary]", other_order)


def test_a_grid_is_trained_and_its_winner_compared(study_file: Path, study_text: str, tmp_path: Path):
    text = study_text.replace("beta = 2.0", "beta = [1, 20]").replace("seeds = [0, 1]", "seeds = [0]")
    study_file.write_text(text.replace("epochs = 2", "epochs = 1"))
    file = StudyFile.read(study_file)
    train_study_file(file, tmp_path / "runs", TrainOptions(jobs=1), observer=Observer())
    manifests = [json.loads((tmp_path / "runs" / f"{AT}-beta{b}-s0" / "run.json").read_text()) for b in (1, 20)]
    assert [(m["grid"], m["arm"]["settings"]["beta"], m["arm"]["settings"]["projection"]) for m in manifests] == [
        (AT, 1.0, False),
        (AT, 20.0, False),
    ]
    assert "temperature" not in manifests[0]["arm"]["settings"]

    result = evaluate(tmp_path / "runs", replicates=0)
    best = max(manifests, key=lambda manifest: manifest["selection"]["value"])
    (winner,) = [arm for arm in result.arms if arm.name == "AT"]
    assert (winner.arm, winner.settings_tried) == (best["run_id"].removesuffix("-s0"), 2)
    (primary,) = [row for row in result.comparisons if row.primary]
    assert (primary.arm_a, primary.arm_b) == (winner.arm, "phantom-chest-24-transfer_learning-densenet40-none")
    assert [row.varied for row in result.tuning] == [{"beta": 1.0}, {"beta": 20.0}]
