"""Every check of `medkt data check`, on collections with one fault: it finds this fault and nothing else."""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from medkt.data.collection import Collection
from medkt.data_report import detail
from medkt.data_report.check import check
from medkt.data_report.checks import alike, copies
from medkt.data_report.checks import images as image_checks
from medkt.data_report.findings import Checked, Evidence, Finding, worst_first
from medkt.data_report.opening import Opened
from medkt.data_report.survey import headers, survey
from medkt_eval.errors import InputError

SIDE = 128


def shading() -> np.ndarray:
    """The common part of all images: bright at the bottom, dark at the top, a bright middle."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    return 60 + 110 * y + 40 * np.exp(-((x - 0.5) ** 2) / 0.05)


def body(number: int, strength: float = 30) -> np.ndarray:
    """Structure that belongs to one person: as fine as ribs and vessels."""
    noise = gaussian_filter(np.random.default_rng(number).normal(size=(SIDE, SIDE)), 2.5)
    return strength * noise / noise.std()


def grey(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def picture(number: int) -> np.ndarray:
    return grey(shading() + body(number))


def collection(images: list[np.ndarray], **fields: object) -> Collection:
    n = len(images)
    ids = np.array([f"i{k:02d}" for k in range(n)], dtype=object)

    def read(index: int, size_px: int) -> np.ndarray:
        return np.asarray(Image.fromarray(images[index]).resize((size_px, size_px), Image.Resampling.BILINEAR))

    content = {
        "name": "made",
        "task": "multilabel",
        "labels": ("Edema",),
        "image_ids": ids,
        "patient_ids": np.array([f"p{k:02d}" for k in range(n)], dtype=object),
        "targets": (np.arange(n) % 2).astype(np.float32)[:, None],
        "read": read,
    }
    return Collection(**(content | fields))  # type: ignore[arg-type]


def found(made: Collection, parts: dict[str, list[int]] | None = None) -> Checked:
    return check(Opened("made", made, {name: np.array(rows) for name, rows in (parts or {}).items()}))


def named(checked: Checked) -> dict[str, Finding]:
    return {finding.check: finding for finding in checked.findings}


def images_of(finding: Finding) -> list[tuple[str, ...]]:
    return [row.images for row in finding.evidence]


def test_images_of_strangers_in_order_give_no_finding():
    checked = found(collection([picture(k) for k in range(24)]))
    assert checked.findings == ()
    assert not checked.wrong
    assert checked.looked_at["near-identical images"].startswith("276 pairs")  # 24 * 23 / 2
    assert checked.looked_at["turned images"] == "24 images compared with the mean image of their view"


# Identical files


def twice(labels: tuple[int, int], patients: tuple[str, str] = ("p00", "p01")) -> Collection:
    images = [picture(0), picture(0), picture(2), picture(3)]
    return collection(
        images,
        targets=np.array([[labels[0]], [labels[1]], [0], [1]], dtype=np.float32),
        patient_ids=np.array([*patients, "p02", "p03"], dtype=object),
    )


def test_identical_images_with_contradicting_labels_are_wrong_and_all_left_out():
    checked = found(twice((0, 1), ("p00", "p00")))
    finding = named(checked)["identical images"]
    assert (finding.severity, finding.count, images_of(finding)) == ("error", 1, [("i00", "i01")])
    assert finding.evidence[0].facts["labels"] == "none / Edema"
    assert set(finding.exclude) == {"i00", "i01"}
    assert checked.wrong


def test_a_label_that_is_not_known_contradicts_nothing():
    made = twice((0, 1))
    made.targets[1, 0] = np.nan
    assert not copies.contradict(made, 0, 1)
    assert copies.contradict(twice((0, 1)), 0, 1)


@pytest.mark.parametrize(
    ("patients", "parts", "severity"),
    [
        (("p00", "p01"), None, "error"),  # a split by patient may part them
        (("p00", "p01"), {"train": [0, 2], "test": [1, 3]}, "error"),
        (("p00", "p01"), {"train": [0, 1], "test": [2, 3]}, "warning"),
        (("p00", "p01"), {"train": [0, 2], "test": [3]}, "warning"),  # the copy is not used
        (("p00", "p00"), None, "warning"),
    ],
)
def test_identical_images_with_one_label_are_wrong_where_they_can_leak(patients, parts, severity):
    finding = named(found(twice((1, 1), patients), parts))["identical images"]
    assert (finding.severity, images_of(finding)) == (severity, [("i00", "i01")])
    assert list(finding.exclude) == ["i01"]
    assert ("splits" in finding.evidence[0].facts) == (parts is not None)


# Near-identical images


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


@pytest.mark.parametrize(
    "process",
    [
        lambda image: jpeg(image, 50),
        lambda image: np.asarray(Image.fromarray(image).resize((64, 64))),
        lambda image: np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(0.7)),
        lambda image: np.roll(image, 2, axis=1),
    ],
    ids=["compressed", "shrunk", "less contrast", "shifted"],
)
def test_a_picture_processed_otherwise_is_found(process):
    made = collection([picture(0), process(picture(0)), picture(2), picture(3)], targets=np.ones((4, 1), np.float32))
    finding = named(found(made))["near-identical images"]
    assert (finding.severity, images_of(finding), list(finding.exclude)) == ("error", [("i00", "i01")], ["i01"])


def test_near_identical_images_of_one_patient_with_contradicting_labels_are_wrong():
    images = [picture(0), jpeg(picture(0), 60), picture(2)]
    made = collection(images, patient_ids=np.array(["a", "a", "b"], dtype=object))  # labels 0, 1, 0
    finding = named(found(made))["near-identical images"]
    assert (finding.severity, set(finding.exclude)) == ("error", {"i00", "i01"})


def test_of_a_chain_of_copies_one_is_kept():
    images = [picture(0), jpeg(picture(0), 60), jpeg(picture(0), 40), picture(3)]
    made = collection(images, targets=np.ones((4, 1), np.float32))
    finding = named(found(made))["near-identical images"]
    assert images_of(finding) == [("i00", "i01"), ("i00", "i02"), ("i01", "i02")]
    assert set(finding.exclude) == {"i01", "i02"}


# One person, two patient ids


def other_exposure(number: int, light: int) -> np.ndarray:
    """The same body with other light and half of the structure changed."""
    return grey(
        0.8 * shading()[:, ::-1]
        + 0.6 * body(100 + light, 40)
        + body(number)
        + 40 * gaussian_filter(np.random.default_rng(light).normal(size=(SIDE, SIDE)), 20) * 50
    )


def test_one_body_under_two_patient_ids_is_found_and_no_image_left_out():
    made = collection([picture(0), other_exposure(0, 7), picture(2), picture(3)])
    checked = found(made)
    finding = named(checked)["one person, two patient ids"]
    assert (finding.severity, images_of(finding)) == ("warning", [("i00", "i01")])
    assert finding.evidence[0].facts["patients"] == "p00 = p01"
    assert finding.exclude == {}
    assert not checked.wrong


def test_follow_ups_of_one_patient_are_no_finding():
    images = [picture(0), other_exposure(0, 7), picture(2)]
    made = collection(images, patient_ids=np.array(["a", "a", "b"], dtype=object))
    assert found(made).findings == ()


def test_detail_matches_itself_also_shifted_and_not_a_stranger():
    first, second = (np.asarray(Image.fromarray(picture(k)).resize((96, 96))) for k in (0, 1))
    maps = np.stack([detail.fine_detail(image) for image in (first, np.roll(first, (5, -5), axis=(0, 1)), second)])
    spectra = detail.spectrum(maps)
    itself, shifted, stranger = detail.match(spectra[:1], spectra)
    assert itself == pytest.approx(1, abs=1e-5)
    assert shifted > 0.6
    assert stranger < 0.4


def test_bits_between_hashes_are_those_that_numpy_counts():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, size=(40, 4), dtype=np.uint64)
    hashes[7] = hashes[3]
    first, second = np.triu_indices(40, 1)
    bits = np.unpackbits((hashes[first] ^ hashes[second]).view(np.uint8), axis=1).reshape(len(first), -1).sum(axis=1)
    assert alike.count_bits(hashes).tolist() == np.bincount(bits, minlength=257).tolist()
    near = bits <= 120
    a, b, distance = alike.near_pairs(hashes, 120, int(near.sum()))
    assert (a.tolist(), b.tolist(), distance.tolist()) == (
        first[near].tolist(),
        second[near].tolist(),
        bits[near].tolist(),
    )


def test_of_too_many_pairs_the_nearest_are_judged(monkeypatch):
    images = [picture(k) for k in range(12)] + [jpeg(picture(0), 60)]
    monkeypatch.setattr(alike, "MOST_PAIRS", 5)
    checked = found(collection(images, targets=np.ones((13, 1), np.float32)))
    assert images_of(named(checked)["near-identical images"]) == [("i00", "i12")]
    judged = int(checked.looked_at["near-identical images"].split("nearest ")[1].split(" ")[0])
    assert 1 <= judged <= 5


def test_drawn_patients_who_are_all_alike_are_not_taken_for_one_person():
    """Bodies here differ in a tenth of their structure, so a match means nothing."""
    images = [grey(shading() + body(0) + body(k, 8)) for k in range(1, 41)]
    checked = found(collection(images, targets=np.ones((40, 1), np.float32)))
    assert "one person, two patient ids" not in named(checked)
    assert float(checked.looked_at["near-identical images"].split()[-1]) > 0.9


# Single images


def test_absent_images_are_listed():
    absent = np.array([f"x{k}" for k in range(7)], dtype=object)
    made = dataclasses.replace(collection([picture(k) for k in range(5)]), absent=absent, complete=True)
    checked = found(made)
    finding = named(checked)["absent images"]
    assert (finding.severity, finding.count, finding.exclude["x6"]) == ("error", 7, "absent")
    assert [row.facts["image"] for row in finding.evidence] == list(absent)
    assert checked.looked_at["absent images"] == "12 listed images, 5 of them there"
    (finding,) = image_checks.absent(dataclasses.replace(made, complete=False))[0]
    assert (finding.severity, finding.count, finding.exclude) == ("note", 7, {})  # a small part of a collection
    (finding,) = image_checks.absent(dataclasses.replace(made, complete=False, absent=absent[:2]))[0]
    assert (finding.severity, finding.count, finding.exclude) == ("warning", 2, {})


def broken(made: Collection, *which: int) -> Collection:
    def read(index: int, size_px: int) -> np.ndarray:
        if index in which:
            raise InputError(f"image {index} is truncated")
        return made.read(index, size_px)

    return dataclasses.replace(made, read=read)


def test_unreadable_images_are_wrong_and_left_out():
    finding = named(found(broken(collection([picture(k) for k in range(5)]), 1, 3)))["unreadable images"]
    assert (finding.severity, images_of(finding)) == ("error", [("i01",), ("i03",)])
    assert finding.evidence[0].facts["why"] == "image 1 is truncated"
    assert finding.exclude == {"i01": "cannot be read", "i03": "cannot be read"}


def test_two_unreadable_or_blank_images_are_no_copies_of_each_other():
    blank = [np.full((SIDE, SIDE), value, np.uint8) for value in (0, 3)]
    checked = found(broken(collection([*blank, picture(2), picture(3), picture(4), picture(5)]), 4, 5))
    assert set(named(checked)) == {"unreadable images", "constant images"}
    finding = named(checked)["constant images"]
    assert (finding.severity, images_of(finding)) == ("error", [("i00",), ("i01",)])
    assert finding.evidence[1].facts == {"grey": 3, "brightest - darkest": 0}


def test_negative_turned_and_strange_images_are_told_apart():
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    images = [picture(k) for k in range(24)]
    images[4] = 255 - images[4]
    images[9] = np.ascontiguousarray(images[9][::-1, ::-1])
    images[14] = np.ascontiguousarray(np.rot90(images[14]))
    images[19] = grey(128 + 100 * np.sin(9 * x) * np.sin(7 * y) + body(19, 10))
    checked = named(found(collection(images)))
    assert images_of(checked["negative images"]) == [("i04",)]
    lies = {row.images[0]: row.facts["lies"] for row in checked["turned images"].evidence}
    assert lies == {"i09": "upside down", "i14": "top to the left"}
    assert images_of(checked["unlike images"]) == [("i19",)]


def test_each_view_is_compared_with_its_own_mean_image():
    images = [picture(k) if k % 2 else np.ascontiguousarray(picture(k)[::-1]) for k in range(48)]
    views = np.array(["lateral" if k % 2 else "frontal" for k in range(48)], dtype=object)
    with survey(collection(images, groups={"view": views})) as seen:
        assert image_checks.standing_out(collection(images, groups={"view": views}), seen)[0] == []


def test_images_without_a_common_look_are_not_compared():
    rng = np.random.default_rng(0)
    images = [grey(128 + 2500 * gaussian_filter(rng.normal(size=(SIDE, SIDE)), 12)) for _ in range(24)]
    assert found(collection(images)).looked_at["negative images"].startswith("not compared: the images are too unlike")


# Findings


def test_errors_come_first_and_an_image_is_left_out_once_for_the_worst_reason():
    note = Finding("a", "note", "A", "", (Evidence(),), {"x": "a"})
    error = Finding("b", "error", "B", "", (Evidence(("x",), {"n": 1}),), {"x": "b", "w": "b"})
    checked = Checked("made", 2, 2, worst_first([note, error]), {"a": "all", "b": "all"})
    assert [finding.check for finding in checked.findings] == ["b", "a"]
    assert list(checked.exclude().items()) == [("w", "b"), ("x", "b")]
    written = json.loads(checked.json())
    assert written["findings"][0]["evidence"] == [{"images": ["x"], "facts": {"n": 1}}]
    assert (written["findings"][0]["count"], written["n_images"]) == (1, 2)


def test_drawn_images_have_no_headers():
    assert headers(collection([picture(0)])) is None
