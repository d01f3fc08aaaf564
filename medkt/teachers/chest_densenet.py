"""TorchXRayVision's DenseNet-121 for chest X-rays, as a teacher.

In: the student's batch. Out: logits of its 18 findings. It is torchvision's network with one input channel, so it has
DenseNet-121's layer names. It can load a state dict of `torchxrayvision.models.DenseNet` without its `op_threshs`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import DenseNet

from medkt.teachers.student_batch import pixels


class ChestDenseNet121(DenseNet):
    """DenseNet-121 on one channel in [-1024, 1024].

    Images keep their size; they are not resized to the 224 px of its training. At 256 px the attention layer is 8 x 8,
    like the student's. The outputs are logits, as in its published training: without sigmoid and without scaling by
    operating points.

    Source: Cohen et al., TorchXRayVision, MIDL 2022; `torchxrayvision.models.DenseNet` and `utils.normalize`.

    Parameters
    ----------
    n_outputs : int
        Number of outputs; 18 in all published weights.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__(growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, num_classes=n_outputs)
        self.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits.

        Parameters
        ----------
        x : float32, (B, 3, S, S)
            The student's batch. Its three channels are averaged, because they are equal in X-rays.

        Returns
        -------
        float32, (B, n_outputs)
        """
        grey = pixels(x).mean(dim=1, keepdim=True)  # (B, 1, S, S), 0-1
        return super().forward((2 * grey - 1) * 1024)
