"""Rotation, flip and normalisation, against Pillow and torch."""

import numpy as np
import torch
from PIL import Image

from medkt.data.phantom.collections import phantom_chest
from medkt.data.pixels import augment


def test_normalisation_is_imagenets_on_grey_repeated_to_rgb():
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)
    out = augment.normalised(pixels)
    assert out.shape == (2, 3, 1, 1)
    expected = [[(value - mean) / std for mean, std in zip(augment.MEAN, augment.STD, strict=True)] for value in (0, 1)]
    assert torch.allclose(out[:, :, 0, 0], torch.tensor(expected))


def test_no_turn_is_the_image_and_a_flip_its_mirror():
    pixels = torch.randint(0, 256, (2, 3, 9, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    out = augment.rotated_and_flipped(pixels, torch.zeros(2), torch.tensor([False, True]))
    assert torch.allclose(out[0], pixels[0].float(), atol=1e-3)
    assert torch.allclose(out[1], pixels[1].flip(-1).float(), atol=1e-3)


def test_a_quarter_turn_counter_clockwise():
    pixels = torch.zeros((1, 1, 9, 9), dtype=torch.uint8)
    pixels[0, 0, 4, 7] = 255  # right of the centre
    out = augment.rotated_and_flipped(pixels, torch.tensor([90.0]), torch.tensor([False]))
    expected = torch.rot90(pixels.float(), 1, dims=(2, 3))
    assert torch.allclose(out, expected, atol=1e-2)


def test_what_is_drawn_depends_on_seed_and_epoch_alone():
    angles, flips = augment.draw(1, 2, 1000, 15.0, True)
    again, _ = augment.draw(1, 2, 1000, 15.0, True)
    assert np.array_equal(angles, again)
    fewer = augment.draw(1, 2, 10, 15.0, True)
    assert np.array_equal(fewer[0], angles[:10])
    assert np.array_equal(fewer[1], flips[:10])
    assert not np.array_equal(angles, augment.draw(1, 3, 1000, 15.0, True)[0])
    assert not np.array_equal(angles, augment.draw(2, 2, 1000, 15.0, True)[0])
    assert -15 <= angles.min() < -14
    assert 14 < angles.max() <= 15
    assert 0.4 < flips.mean() < 0.6
    assert not augment.draw(1, 2, 1000, 15.0, False)[1].any()


def pillow(image: np.ndarray, angle: float, flip: bool) -> np.ndarray:
    """Rotate and mirror one image, (H, W), with Pillow."""
    turned = Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR)
    return np.asarray(turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else turned, dtype=np.float32)


def test_rotation_and_flip_are_pillows_to_a_grey_level():
    drawn = phantom_chest(patients=6, seed=0)
    images = np.stack([drawn.read(index, 64) for index in range(12)])
    angles, flips = augment.draw(0, 1, len(images), 15.0, True)
    assert flips.any()
    assert not flips.all()
    expected = np.stack([pillow(*one) for one in zip(images, angles.tolist(), flips.tolist(), strict=True)])

    def turned(pixels: np.ndarray) -> np.ndarray:
        made = torch.from_numpy(pixels[:, None])
        return augment.rotated_and_flipped(made, torch.from_numpy(angles), torch.from_numpy(flips))[:, 0].numpy()

    difference = np.abs(turned(images) - expected)
    inside = turned(np.full_like(images, 255)) > 254.99  # no part of it is from beyond the edge
    assert 0.90 < inside.mean() < 0.97
    assert difference[inside].max() < 1.01, "Pillow cuts the fraction of a grey level off"
    # On the edge Pillow decides between image and black; here a pixel is the mean of both.
    assert difference[~inside].max() <= 128
    assert (difference[~inside] > 1.01).mean() < 0.5


def test_what_is_done_to_an_image_does_not_depend_on_its_batch():
    pixels = torch.randint(0, 256, (6, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    angles, flips = (torch.from_numpy(drawn) for drawn in augment.draw(0, 1, 6, 15.0, True))
    together = augment.rotated_and_flipped(pixels, angles, flips)
    alone = [augment.rotated_and_flipped(pixels[k : k + 1], angles[k : k + 1], flips[k : k + 1]) for k in range(6)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-3)


def test_the_rotation_is_the_affine_grids_of_torch():
    pixels = torch.randint(0, 256, (5, 3, 33, 33), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    angles, flips = torch.tensor([0.0, 12.5, -90.0, 7.0, 180.0]), torch.tensor([False, True, False, True, True])
    radians, mirror = torch.deg2rad(angles), 1 - 2 * flips.float()
    cos, sin, zero = torch.cos(radians), torch.sin(radians), torch.zeros(5)
    inverse = torch.stack([torch.stack([cos * mirror, -sin, zero], 1), torch.stack([sin * mirror, cos, zero], 1)], 1)
    grid = torch.nn.functional.affine_grid(inverse, [5, 3, 33, 33], align_corners=False)
    expected = torch.nn.functional.grid_sample(pixels.float(), grid, align_corners=False)
    assert torch.allclose(augment.rotated_and_flipped(pixels, angles, flips), expected, atol=1e-2)
