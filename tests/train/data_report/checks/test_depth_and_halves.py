"""Collections that use few bits of 16, and collections of which a large part is inverted or upside down."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data_report.check import check
from medkt.data_report.checks.halves import halves
from medkt.data_report.opening import opened

N = 30


def picture(number: int) -> np.ndarray:
    """A picture of 16 x 16 that is bright at the bottom, with a spot at the left, and noise of its own. float64."""
    y, x = np.mgrid[0:16, 0:16] / 15
    spot = np.exp(-((x - 0.2) ** 2 + (y - 0.5) ** 2) / 0.02)
    return 2 * y + spot + 0.3 * np.random.default_rng(number).normal(size=(16, 16))


def standardised(images: list[np.ndarray]) -> np.ndarray:
    stack = np.stack(images)
    centred = stack - stack.mean(axis=(1, 2), keepdims=True)
    return centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("every", [2, 3, 4])
@pytest.mark.parametrize(("kind", "change"), [("negative", np.negative), ("turned", lambda image: np.rot90(image, 2))])
def test_two_groups_are_told(kind, change, every):
    changed = [k % every == 0 for k in range(N)]
    found = halves(standardised([change(picture(k)) if changed[k] else picture(k) for k in range(N)]))
    assert found is not None
    assert found.kind == kind
    assert found.smaller.tolist() in (changed, [not one for one in changed])  # at one half, either


def test_images_in_order_of_two_sides_or_without_a_common_look_are_no_groups():
    assert halves(standardised([picture(k) for k in range(N)])) is None
    y, x = np.mgrid[0:16, 0:16] / 15
    disc = np.where((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.2, 1.0, 0.0)
    eyes = [disc + picture(k) - 2 * y for k in range(N)]
    assert halves(standardised([eye if k % 2 else eye[:, ::-1] for k, eye in enumerate(eyes)])) is None
    rng = np.random.default_rng(0)
    assert halves(standardised([rng.normal(size=(16, 16)) for _ in range(N)])) is None


def depth(root: Path, largest: list[int], kind: str = "png"):
    rows = ["image,patient_id,Mass"]
    for k, most in enumerate(largest):
        pixels = np.random.default_rng(k).random((48, 48)) * most
        pixels[0, 0] = most
        Image.fromarray(pixels.astype(np.uint16)).save(root / f"{k}.{kind}")
        rows.append(f"{k}.{kind},{k},{k % 2}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    checked = check(opened("folder", root, ["channels=1"], None))
    return {finding.check: finding for finding in checked.findings}.get("unused bits"), checked.looked_at["unused bits"]


@pytest.mark.parametrize("kind", ["png", "tif"])
@pytest.mark.parametrize(("largest", "bits", "grey_levels"), [(4095, 12, 16), (1023, 10, 4), (16383, 14, 64)])
def test_unused_bits_are_told_with_the_factor(tmp_path: Path, kind: str, largest: int, bits: int, grey_levels: int):
    finding, looked = depth(tmp_path, [largest - 9, largest, largest - 5], kind)
    assert finding is not None
    assert finding.severity == "warning"
    assert finding.evidence[0].facts["bits used"] == bits
    assert finding.evidence[0].facts["grey levels left"] == grey_levels
    assert f"by {65536 // (largest + 1)} " in finding.meaning
    assert looked == f"3 images of 16 bits; their brightest pixel is {largest:,} of 65,535"


def test_one_bright_image_uses_the_range_and_8_bits_are_not_checked(tmp_path: Path):
    assert depth(tmp_path, [4095, 60000])[0] is None
    for k in range(2):
        Image.new("L", (16, 16), 9).save(tmp_path / f"{k}.png")
    assert check(opened("folder", tmp_path, [], None)).not_checked["unused bits"] == "not checked: no image has 16 bits"
