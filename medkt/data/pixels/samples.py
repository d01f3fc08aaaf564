"""Which test images show a data set in a report: one for each label, and one without findings.

In: targets. Out: rows of them. Nothing is drawn: the same images are chosen in every run and with every seed.
"""

from __future__ import annotations

import numpy as np

from medkt.data.collection import Task

MOST = 16  # images of a data set


def choose(task: Task, targets: np.ndarray, image_ids: np.ndarray) -> list[int]:
    """Choose sample images.

    Of the images that show a label, the one with the fewest other labels, then with the fewest labels unknown, then of
    the first id. At the end, of a multi-label task, the first image that is known to show nothing.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        What `targets` are.
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Of the images to choose from.
    image_ids : str, (n,)
        Unique.

    Returns
    -------
    list of int
        Rows, at most 16, none twice, in the order of the labels. A label that no image shows has none.

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
    """Labels that an image is known to show; its class, of a multi-class task.

    Parameters
    ----------
    target : float32, (n_labels,) or int64, ()
        The image's row of `targets`.
    """
    if task == "multiclass":
        return [labels[int(target)]]
    return [label for label, value in zip(labels, target, strict=True) if value == 1]
