"""The cases in which a metric does not exist, and the reasons.

In: a metric's needs (`results.vocabulary`), and one label's images. Out: `undefined_because` of results.json.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.results.vocabulary import METRICS, REASONS, Need


def undefined_because(
    metric: str, label: str, truth: np.ndarray, *, called: np.ndarray | None = None, score: np.ndarray | None = None
) -> str | None:
    """Why a metric of one run does not exist on a label; None where it does.

    Parameters
    ----------
    metric, label : str
    truth : bool, (n_images,)
    called : bool, (n_images,), or None
        The run's calls; needed for a metric that needs a call.
    score : float, (n_images,), or None
        The run's scores; needed for a metric of probabilities.

    Examples
    --------
    >>> undefined_because("auc", "Edema", np.array([True, True]))
    'no negative image among 2'
    """
    has: dict[Need, bool] = {
        "image": truth.size > 0,
        "positive": bool(truth.any()),
        "negative": not truth.all(),
        "call": called is None or bool(called.any()),
        "no call": called is None or not called.all(),
        "probability": score is None or bool(score.min(initial=0) >= 0 and score.max(initial=1) <= 1),
    }
    missing: Need | None = next((need for need in METRICS[metric].needs if not has[need]), None)
    return None if missing is None else REASONS[missing].format(n_images=truth.size, label=label)
