"""Selection of the epoch by the validation metric."""

import numpy as np
import pytest
import torch
from torch import nn

from medkt.training.selection import BestEpoch, out_of_patience


def test_the_first_of_the_best_epochs_is_selected_with_its_own_weights_and_scores():
    network, best = nn.Linear(1, 1, bias=False), BestEpoch("multilabel")
    for epoch, value in enumerate((0.6, 0.8, 0.8, 0.7), start=1):
        with torch.no_grad():
            network.weight.fill_(epoch)
        best.consider(epoch, value, np.full((2, 1), value, dtype=np.float32), network)
    assert best.selection == {"metric": "auc", "label": "macro", "epoch": 2, "value": 0.8}
    assert best.weights["weight"].item() == 2  # a copy: later epochs do not change it
    assert best.scores[0, 0] == pytest.approx(0.8)


def test_patience_counts_from_the_first_of_the_best_epochs():
    assert not out_of_patience([], 1)
    assert not out_of_patience([0.5, 0.4, 0.3], None)
    assert [out_of_patience([0.5, 0.6, 0.6, 0.2][:n], 2) for n in range(1, 5)] == [False, False, False, True]
