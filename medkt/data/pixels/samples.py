"""Choose the test images that a report shows for a data set: one for each label, and one without findings.

In: targets. Out: their rows. The choice is not random: it is the same in every run and for every seed.
"""

from __future__ import annotations

import numpy as np

from medkt.data.collection import Task

MOST = 16  # images per data set


def choose(task: Task, targets: np.ndarray, image_ids: np.ndarray) -> list[int]:
    """Choose sample images.

    For each label, choose the image with the fewest other labels, then with the fewest unknown labels, then with the
    first id. For a multi-label task, the last choice is the first image that is known to show no label.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        The task; it decides the format of `targets`.
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Targets of the images to choose from.
    image_ids : str, (n,)
        Unique.

    Returns
    -------
    list of int
        Rows, at most 16, without repeats, in the order of the labels. A label that no image shows has no row.

    Examples
    --------
    >>> edema, effusion = [1, 1, 0, 0], [1, 0, 1, 0]
    >>> targets = np.array([edema, effusion], dtype=np.float32).T
    >>> choose("multilabel", targets, np.array(["d", "c", "b", "a"]))  # Edema alone, effusion alone, nothing
    [1, 2, 3]
    """
    if task == "multiclass":
        shown = targets[:, None] == np.arange(targets.max(initial=-1) + 1)
        unknown = np.zeros(len(targets))
    else:
        shown, unknown = targets == 1, np.isnan(targets).sum(axis=1)
    order = np.lexsort((image_ids.astype(str), unknown, shown.sum(axis=1)))  # best first
    rows = [int(order[shows[order].argmax()]) for shows in shown.T if shows.any()]
    nothing = [int(row) for row in order if task == "multilabel" and (targets[row] == 0).all()][:1]
    return [*dict.fromkeys(rows)][: MOST - len(nothing)] + nothing


def shows(task: Task, target: np.ndarray, labels: tuple[str, ...]) -> list[str]:
    """Return the labels that an image is known to show. For a multi-class task, this is its class.

    Parameters
    ----------
    target : float32, (n_labels,) or int64, ()
        The image's row of `targets`.
    """
    if task == "multiclass":
        return [labels[int(target)]]
    return [label for label, value in zip(labels, target, strict=True) if value == 1]
