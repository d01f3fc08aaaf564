"""What a column with another name may hold: misspelt names, and names that other programs use.

In: the name of a column. Out: the name that docs/formats.md has for it, as a suggestion. Nothing is renamed by it.
"""

from __future__ import annotations

import re

from medkt_eval.predictions.columns.names import PREFIXES

# Names that other programs write, likeliest first, and what may be calls last; in lower case, words joined by "_".
OTHER_NAMES = {
    "image_id": (
        *("image", "image_path", "path", "image_name", "img", "img_path", "img_id", "filepath", "file_path"),
        *("filename", "file_name", "file", "dicom_id", "sop_instance_uid", "image_index", "uid", "id"),
    ),
    "patient_id": (
        "patient",
        "pid",
        "p_id",
        "subject_id",
        "subject",
        "participant_id",
        "participant",
        "mrn",
        "case_id",
    ),
    "target": ("y_true", "label", "true_label", "y", "gt", "ground_truth", "truth", "true", "class", "diagnosis"),
    "score": (
        *("y_prob", "y_proba", "prob", "proba", "probability", "y_score", "scores", "p"),
        *("y_pred", "pred", "prediction", "y_hat", "logit"),  # often calls of 0 and 1
    ),
}
OTHER_PREFIXES = {
    "target_": ("y_true", "label", "labels", "true", "gt", "y", "truth", "ground_truth", "targets"),
    "score_": (
        *("y_prob", "y_proba", "prob", "probs", "proba", "probability", "y_score", "scores", "p", "output"),
        *("y_pred", "pred", "preds", "prediction", "logit", "logits"),
    ),
}


def misspelt(name: str) -> str | None:
    """The name of docs/formats.md that this one misses by one letter, or by case, blanks or the separator.

    Examples
    --------
    >>> [misspelt(name) for name in ("Image_ID", "patientid", "taget_Edema", "Score-Edema", "path", "scope")]
    ['image_id', 'patient_id', 'target_Edema', 'score_Edema', None, None]
    """
    letters = _letters(name)
    for whole in ("image_id", "patient_id"):
        if _one_letter_off(letters, _letters(whole)):
            return whole
    if name.strip().casefold() in ("target", "score"):
        return name.strip().casefold()
    for head, label in _splits(name):
        for prefix in PREFIXES:
            if _one_letter_off(head, prefix[:-1]):
                return prefix + label
    return None


def by_other_prefix(name: str) -> str | None:
    """The column of a label that other programs call so: `pred_Edema`, `y_true_Edema`.

    Examples
    --------
    >>> [by_other_prefix(name) for name in ("pred_Edema", "y_true_Edema", "fold_1")]
    ['score_Edema', 'target_Edema', None]
    """
    return _role_and_rank(name)[0]


def likeliest_by_role(names: list[str]) -> dict[str, str]:
    """The columns of labels that other programs call so, each with the likeliest of the names that fit.

    Examples
    --------
    >>> likeliest_by_role(["prob_Edema", "pred_Edema"])
    {'score_Edema': 'prob_Edema'}
    """
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        role, rank = _role_and_rank(name)
        if role and (role not in best or rank < best[role][0]):
            best[role] = rank, name
    return {role: name for role, (_, name) in best.items()}


def _role_and_rank(name: str) -> tuple[str | None, int]:
    """The column of a label that a name means, and the place of its prefix among those for it; 0: likeliest."""
    if any(_words(name) in names for names in OTHER_NAMES.values()):
        return None, 0
    for head, label in reversed(_splits(name)):
        for prefix, others in OTHER_PREFIXES.items():
            if head in others:
                return prefix + label, others.index(head)
    return None, 0


def by_other_name(role: str, names: list[str]) -> str | None:
    """The likeliest of the names for what `role` names; None if no name is known for it."""
    plain = {_words(name): name for name in reversed(names)}
    return next((plain[other] for other in OTHER_NAMES.get(role, ()) if other in plain), None)


def _splits(name: str) -> list[tuple[str, str]]:
    """Every way to take a name as a head and a label: [("y", "true_Edema"), ("y_true", "Edema")]."""
    found = re.finditer(r"[_\-. :]+", name.strip())
    splits = ((name.strip()[: m.start()].casefold(), name.strip()[m.end() :]) for m in found)
    return [(re.sub(r"[\-. :]", "_", head), label) for head, label in splits if head and label]


def _words(name: str) -> str:
    """`imagePath` and `Image Path` as `image_path`."""
    return "_".join(re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))).casefold()


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _one_letter_off(one: str, other: str) -> bool:
    """Equal, or with one letter changed, missing, more, or two neighbours exchanged."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    k = next((k for k, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) > len(short):
        return short[k:] == long[k + 1 :]
    return short[k + 1 :] == long[k + 1 :] or (
        short[k + 2 :] == long[k + 2 :] and short[k : k + 2] == long[k : k + 2][::-1]
    )
