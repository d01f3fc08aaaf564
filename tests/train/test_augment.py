import numpy as np
import torch

from medkt.data import augment


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
