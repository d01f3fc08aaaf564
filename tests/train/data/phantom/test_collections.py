"""The phantom: reproducible, with the requested prevalences and correlations, and findings at their places."""

import importlib.util
import os
import pickle
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import median_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from medkt.data.label_tables.label_names import GRADES
from medkt.data.phantom.collections import chest_case, phantom_chest, phantom_fundus, phantom_shapes
from medkt.data.phantom.findings import CO_OCCURRENCE, FINDINGS, LABELS, PREVALENCE
from medkt.data.phantom.shapes import SHAPES

CHEST = phantom_chest(patients=40, seed=3)
FUNDUS = phantom_fundus(patients=20, seed=3)
COLLECTIONS = {"chest": CHEST, "fundus": FUNDUS, "shapes": phantom_shapes(images=40, seed=3)}


def _benchmark():
    path = Path(__file__).parents[4] / "benchmarks" / "phantom.py"
    spec = importlib.util.spec_from_file_location("benchmarks_phantom", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def many():
    """Enough patients for proportions. No image is drawn."""
    return phantom_chest(patients=4000, seed=5)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_collection_fields(name):
    collection = COLLECTIONS[name]
    assert collection.name == f"phantom-{name}"
    assert collection.synthetic
    assert "SYNTHETIC" in collection.source
    assert len(set(collection.image_ids.tolist())) == len(collection)
    assert all(i.startswith(f"{p}/") for i, p in zip(collection.image_ids, collection.patient_ids, strict=True))
    assert all(len(values) == len(collection) for values in collection.groups.values())
    if collection.task == "multilabel":
        assert collection.targets.dtype == np.float32
        assert collection.targets.shape == (len(collection), len(collection.labels))
        assert set(np.unique(collection.targets)) == {0.0, 1.0}
    else:
        assert collection.targets.dtype == np.int64
        assert collection.targets.min() >= 0
        assert collection.targets.max() < len(collection.labels)


@pytest.mark.parametrize("size_px", [48, 64, 97, 256])
@pytest.mark.parametrize("name", COLLECTIONS)
def test_images_of_any_size_show_the_same(name, size_px):
    collection = COLLECTIONS[name]
    image = collection.read(1, size_px)
    assert image.dtype == np.uint8
    assert image.shape == ((size_px, size_px) if collection.channels == 1 else (size_px, size_px, 3))
    at = ((np.arange(16) + 0.5) / 16 * size_px).astype(int)
    reference = collection.read(1, 128)[4::8, 4::8].astype(float)
    coarse = image[at[:, None], at].astype(float)
    other = collection.read(2, 128)[4::8, 4::8].astype(float)
    same = np.corrcoef(coarse.ravel(), reference.ravel())[0, 1]
    assert same > 0.6
    assert same > np.corrcoef(coarse.ravel(), other.ravel())[0, 1]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_an_image_depends_on_nothing_but_its_key(name):
    collection = COLLECTIONS[name]
    forwards = [collection.read(index, 64) for index in range(12)]
    make = {
        "chest": lambda: phantom_chest(patients=60, seed=3),
        "fundus": lambda: phantom_fundus(patients=60, seed=3),
        "shapes": lambda: phantom_shapes(images=60, seed=3),
    }[name]
    larger = make()
    np.testing.assert_array_equal(larger.image_ids[:12], collection.image_ids[:12])
    np.testing.assert_array_equal(larger.targets[:12], collection.targets[:12])
    backwards = [larger.read(index, 64) for index in reversed(range(12))][::-1]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda index: collection.read(index, 64), range(12)))
    copied = pickle.loads(pickle.dumps(collection)).read(5, 64)
    np.testing.assert_array_equal(forwards, backwards)
    np.testing.assert_array_equal(forwards, threaded)
    np.testing.assert_array_equal(forwards[5], copied)


def test_another_process_draws_the_same():
    code = (
        "import zlib; from medkt.data.phantom import phantom_chest;"
        "print(zlib.crc32(phantom_chest(patients=2, seed=3).read(1, 64).tobytes()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(other.stdout) == zlib.crc32(CHEST.read(1, 64).tobytes())


def test_another_seed_draws_another_patient():
    assert (phantom_chest(patients=1, seed=4).read(0, 64) != CHEST.read(0, 64)).mean() > 0.5


def test_a_patient_has_one_to_six_images_alike():
    _, counts = np.unique(CHEST.patient_ids, return_counts=True)
    assert counts.min() == 1
    assert counts.max() == 6
    clean = np.array(
        [
            [chest_case(seed=3, patient=p, image=i, present=[], size_px=32)[0].ravel() for i in (0, 1)]
            for p in range(100)
        ],
        float,
    )
    clean -= clean.mean(axis=(0, 1))
    own = np.array([np.corrcoef(clean[k, 0], clean[k, 1])[0, 1] for k in range(100)])
    others = np.array([np.corrcoef(clean[k, 0], clean[k - 1, 1])[0, 1] for k in range(100)])
    assert np.mean(own - others) > 3 * np.std(own - others) / np.sqrt(100)


def test_prevalence_is_as_set():
    chosen = {"Fracture": 0.5, "Edema": 0.03}
    chest = phantom_chest(patients=4000, seed=6, prevalence=chosen)
    for label, share in {**PREVALENCE, **chosen}.items():
        observed = chest.targets[:, LABELS.index(label)].mean()
        assert observed == pytest.approx(share, abs=0.03), label


def test_few_hundred_images_have_both_kinds_of_every_label():
    chest = phantom_chest(patients=100, seed=0)
    positive = chest.targets.sum(axis=0)
    assert (positive >= 15).all()
    assert (positive <= len(chest) - 15).all()


def test_no_finding_is_the_absence_of_all_but_devices(many):
    findings = many.targets[:, 1:-1].any(axis=1)
    np.testing.assert_array_equal(many.targets[:, 0] == 1, ~findings)
    devices = many.targets[:, -1] == 1
    assert (devices & (many.targets[:, 0] == 1)).any()


def _odds_ratio(first, second):
    table = [[np.sum((first == a) & (second == b)) for b in (0, 1)] for a in (0, 1)]
    return table[0][0] * table[1][1] / (table[0][1] * table[1][0])


def test_co_occurrence_is_as_set(many):
    column = {label: many.targets[:, LABELS.index(label)] for label in FINDINGS}
    strong = _odds_ratio(column["Consolidation"], column["Pneumonia"])
    weak = _odds_ratio(column["Lung Lesion"], column["Edema"])
    assert CO_OCCURRENCE["Consolidation", "Pneumonia"] > CO_OCCURRENCE["Lung Lesion", "Edema"]
    assert strong > weak + 1 > 2.2
    free = phantom_chest(patients=4000, seed=5, co_occurrence={("Edema", "Fracture"): -0.6})
    column = {label: free.targets[:, LABELS.index(label)] for label in FINDINGS}
    assert _odds_ratio(column["Edema"], column["Fracture"]) < 0.3
    assert _odds_ratio(column["Consolidation"], column["Pneumonia"]) == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize(("within_patient", "low", "high"), [(0.0, -0.05, 0.05), (0.6, 0.3, 0.5), (1.0, 1.0, 1.0)])
def test_findings_of_a_patient_are_correlated(within_patient, low, high):
    chest = phantom_chest(patients=2000, seed=8, within_patient=within_patient)
    first = np.flatnonzero(np.char.endswith(chest.image_ids, "/i0"))
    first = first[np.isin(first + 1, np.flatnonzero(np.char.endswith(chest.image_ids, "/i1")))]
    effusion = chest.targets[:, LABELS.index("Pleural Effusion")]
    assert low <= round(float(np.corrcoef(effusion[first], effusion[first + 1])[0, 1]), 6) <= high


def test_label_noise_flips_records_and_not_images(many):
    noisy = phantom_chest(patients=4000, seed=5, label_noise=0.1)
    flipped = (noisy.targets != many.targets).mean(axis=0)
    np.testing.assert_allclose(flipped, 0.1, atol=0.012)
    np.testing.assert_array_equal(noisy.read(7, 64), many.read(7, 64))
    assert any("flipped" in note for note in noisy.notes)


def test_hospitals_share_truth_and_anatomy_but_not_looks():
    other = phantom_chest(patients=40, seed=3, hospital="B")
    np.testing.assert_array_equal(other.targets, CHEST.targets)
    pairs = [(CHEST.read(i, 64).astype(float), other.read(i, 64).astype(float)) for i in range(20)]
    same = np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs])
    different = np.mean([np.corrcoef(pairs[i][0].ravel(), pairs[i - 1][1].ravel())[0, 1] for i in range(20)])
    assert same > different + 0.02
    sharp, blurred = (np.mean([np.abs(np.diff(p[k])).mean() / p[k].std() for p in pairs]) for k in (0, 1))
    assert sharp > 1.1 * blurred
    masks = [chest_case(seed=3, patient=1, image=0, present=[], size_px=64, hospital=h)[1] for h in ("A", "B")]
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("size_px", [64, 128])
def test_a_finding_changes_its_region_and_little_else(finding, size_px):
    inside, outside, share = [], [], []
    for patient in range(6):
        key = {"seed": 9, "patient": patient, "image": 0, "size_px": size_px}
        without, absent = chest_case(present=[], **key)
        drawn, present = chest_case(present=[finding], **key)
        np.testing.assert_array_equal(absent, present)  # where it is, or would have been
        mask = present[LABELS.index(finding)]
        change = drawn.astype(float) - without
        change = np.abs(change - np.median(change))  # exposure control shifts the complete image
        inside.append(change[mask].mean())
        outside.append(change[~mask].mean())
        share.append(mask.mean())
    assert 0.003 < np.mean(share) < 0.25
    assert np.mean(inside) > 3 * np.mean(outside)


def test_no_finding_draws_nothing_and_has_the_union_of_regions():
    key = {"seed": 9, "patient": 0, "image": 0, "size_px": 64}
    drawn, masks = chest_case(present=["No Finding"], **key)
    np.testing.assert_array_equal(drawn, chest_case(present=[], **key)[0])
    np.testing.assert_array_equal(masks[0], masks[1:-1].any(axis=0))


def test_collection_draws_what_its_targets_say():
    for index in range(10):
        patient, image = (int(part[1:]) for part in CHEST.image_ids[index].split("/"))
        present = [label for label, here in zip(LABELS, CHEST.targets[index], strict=True) if here]
        expected, _ = chest_case(seed=3, patient=patient, image=image, present=present, size_px=64)
        np.testing.assert_array_equal(CHEST.read(index, 64), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patients": 0}, "patients: found 0, expected an integer of at least 1"),
        ({"seed": -1}, "seed: found -1"),
        ({"seed": 1.5}, "seed: found 1.5"),
        ({"hospital": "C"}, "hospital: found 'C', expected 'A' or 'B'"),
        ({"prevalence": {"Oedema": 0.1}}, "prevalence: found 'Oedema', expected one of"),
        ({"prevalence": {"Edema": 1.2}}, "prevalence of 'Edema': found 1.2"),
        ({"prevalence": {"Edema": float("nan")}}, "prevalence of 'Edema': found nan"),
        ({"prevalence": {"No Finding": 0.2}}, "No Finding.*cannot be set"),
        ({"co_occurrence": {("Edema", "Edema"): 0.2}}, "co_occurrence: found .*two different findings"),
        ({"co_occurrence": {("Edema", "Fracture"): 1.0}}, "co_occurrence of .*between -1 and 1"),
        (
            {
                "co_occurrence": {
                    ("Edema", "Fracture"): 0.9,
                    ("Edema", "Pneumonia"): 0.9,
                    ("Fracture", "Pneumonia"): -0.9,
                }
            },
            "co_occurrence: found correlations that no variables can have",
        ),
        ({"within_patient": 2}, "within_patient: found 2"),
        ({"label_noise": -0.1}, "label_noise: found -0.1"),
    ],
)
def test_bad_chest_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        phantom_chest(**{"patients": 2, "seed": 0, **settings})


def test_bad_settings_of_the_others_are_refused():
    with pytest.raises(ValueError, match="grade_shares: found"):
        phantom_fundus(patients=2, seed=0, grade_shares=(0.5, 0.5))
    with pytest.raises(ValueError, match="grade_shares: found"):
        phantom_fundus(patients=2, seed=0, grade_shares=(0.5, 0.5, 0.5, 0.0, 0.0))
    with pytest.raises(ValueError, match="images: found 0"):
        phantom_shapes(images=0, seed=0)
    with pytest.raises(ValueError, match=r"present: found \['Gout'\]"):
        chest_case(seed=0, patient=0, image=0, present=["Gout"], size_px=64)


def test_eyes_and_grades():
    fundus = phantom_fundus(patients=3000, seed=2)
    assert fundus.labels == GRADES
    left, right = fundus.targets[0::2], fundus.targets[1::2]
    assert set(fundus.groups["eye"][0::2]) == {"left"}
    np.testing.assert_allclose(np.bincount(fundus.targets) / len(fundus), (0.40, 0.18, 0.18, 0.12, 0.12), atol=0.02)
    assert 0.6 < np.corrcoef(left, right)[0, 1] < 0.95
    green = [fundus.read(index, 64)[..., 1].astype(float) for index in range(24)]
    brightest = [np.argmax(g[20:44].sum(axis=0)) for g in green]  # the column of the disc
    assert np.mean(np.array(brightest[0::2]) < 32) > 0.8
    assert np.mean(np.array(brightest[1::2]) > 32) > 0.8


def test_higher_grades_have_more_lesions():
    """Dark and bright specks, as the green channel's departure from its smoothed self, order the grades 0 to 3."""
    fundus = phantom_fundus(patients=150, seed=2, grade_shares=(0.2,) * 5)
    specks = []
    for index in range(len(fundus)):
        green = fundus.read(index, 64)[14:50, 14:50, 1].astype(float)
        specks.append(np.abs(green - median_filter(green, 5)).mean())
    means = [np.mean(np.asarray(specks)[fundus.targets == grade]) for grade in range(4)]
    assert np.all(np.diff(means) > 0)


def test_shapes_come_in_ten_classes_that_colour_does_not_tell():
    shapes = phantom_shapes(images=1200, seed=2)
    assert shapes.labels == SHAPES
    assert len(SHAPES) == 10
    assert np.bincount(shapes.targets, minlength=10).min() > 80
    colours = np.stack([shapes.read(index, 32).reshape(-1, 3).mean(axis=0) for index in range(len(shapes))])
    model = LogisticRegression(max_iter=200).fit(colours[::2] / 255, shapes.targets[::2])
    assert model.score(colours[1::2] / 255, shapes.targets[1::2]) < 0.2


def test_the_instrument_findings_show_in_their_region_and_not_in_brightness():
    for label, _, region, brightness in _benchmark().instrument(patients=320, seed=1):
        assert region >= 0.9, label
        assert 0.4 < brightness < 0.6, label


def test_regions_tell_nothing_by_themselves():
    """The mask's place and size must not reveal the finding, because masks of absent findings exist too."""
    chest = phantom_chest(patients=200, seed=1)
    areas = np.empty((len(chest), len(LABELS), 3))
    for index, image_id in enumerate(chest.image_ids):
        patient, image = (int(part[1:]) for part in image_id.split("/"))
        _, masks = chest_case(seed=1, patient=patient, image=image, present=[], size_px=48)
        for label in range(len(LABELS)):
            rows, columns = np.nonzero(masks[label])
            areas[index, label] = len(rows), rows.mean(), columns.mean()
    test = np.array([int(p[1:]) % 2 == 1 for p in chest.patient_ids])
    aucs = []
    for label in range(len(LABELS)):
        scaled = (areas[:, label] - areas[:, label].mean(axis=0)) / areas[:, label].std(axis=0)
        model = LogisticRegression().fit(scaled[~test], chest.targets[~test, label])
        aucs.append(roc_auc_score(chest.targets[test, label], model.decision_function(scaled[test])))
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.06)


def test_a_model_loses_at_the_other_hospital():
    aucs = {(source, target): auc for source, target, auc in _benchmark().hospital_loss(patients=250, seed=7)}
    assert aucs["A", "A"] > 0.75
    assert aucs["B", "B"] > 0.75
    assert aucs["A", "A"] - aucs["A", "B"] > 0.015
    assert aucs["B", "B"] > aucs["A", "B"]
