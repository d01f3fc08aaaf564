"""The student's batch, as a network that was trained on another scale takes it.

In: float32 (B, 3, S, S), ImageNet-normalised RGB, as `medkt.data.augment` makes it. Out: its pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Of ImageNet, RGB, of pixels in 0-1. The same numbers as in medkt.data.augment, which lies a layer above.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def pixels(images: Tensor) -> Tensor:
    """Undo the student's normalisation.

    Parameters
    ----------
    images : float32, (B, 3, S, S)
        Normalised.

    Returns
    -------
    float32, (B, 3, S, S)
        0 (black) to 1.

    Examples
    --------
    >>> [round(value, 3) for value in pixels(torch.zeros(1, 3, 1, 1)).flatten().tolist()]
    [0.485, 0.456, 0.406]
    """
    mean = torch.tensor(_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(_STD, device=images.device).view(1, 3, 1, 1)
    return torch.addcmul(mean, images, std)
