"""Convert the student's batch for networks that were trained with another normalisation.

In: float32 (B, 3, S, S), ImageNet-normalised RGB, from `medkt.data.pixels.augment`. Out: its pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

# ImageNet's mean and standard deviation, RGB, of pixels in 0-1. They equal those in medkt.data.pixels.augment, which is
# a layer above this one.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def pixels(images: Tensor) -> Tensor:
    """Undo the student's normalisation.

    Parameters
    ----------
    images : float32, (B, 3, S, S)
        Normalised images.

    Returns
    -------
    float32, (B, 3, S, S)
        Pixels from 0 (black) to 1.

    Examples
    --------
    >>> [round(value, 3) for value in pixels(torch.zeros(1, 3, 1, 1)).flatten().tolist()]
    [0.485, 0.456, 0.406]
    """
    mean = torch.tensor(_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(_STD, device=images.device).view(1, 3, 1, 1)
    return torch.addcmul(mean, images, std)
