"""Print names of the strings of results.json.

In: the vocabulary of results.json. Out: words for readers, the same in every table, figure and sentence. A string
without an entry is printed unchanged, so the names of a study need none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import NormalDist

from medkt_eval.results import vocabulary

DATASETS = {
    "chexpert": "CheXpert",
    "mimic-cxr": "MIMIC-CXR",
    "chestxray8": "ChestX-ray8",
    "eyepacs": "Retina (EyePACS)",
    "covid": "COVID-19",
    "phantom-chest": "Phantom chest",
    "phantom-fundus": "Phantom fundus",
    "phantom-shapes": "Phantom shapes",
}
NETWORKS = {"densenet121": "DenseNet-121", "densenet40": "DenseNet-40"}
TEACHERS = {"imagenet": "ImageNet", "mimic": "MIMIC-CXR"}
METHODS = {
    "supervised": "From scratch",
    "transfer_learning": "Transfer learning",
    "attention_transfer": "Attention transfer",
}
UNFROZEN = {"all": "all layers", "last34": "last 34 layers", "head": "classifier only"}
METRICS = {name: metric.word for name, metric in vocabulary.METRICS.items()}
AVERAGES = vocabulary.AVERAGES
TESTS = {name: test.word for name, test in vocabulary.TESTS.items()}
ADJUSTMENTS = {"holm": "Holm", "benjamini-hochberg": "Benjamini–Hochberg", "max-t": "step-down max-T"}
NO_REASON = "the results give no reason"  # in place of a missing `undefined_because`
KINDS = {
    "declared": "declared comparisons",
    "all": "all pairs, as asked for",
    "table": "all pairs of a row, for the marks of Tables IV and V",
}


INTERVALS = {name: interval.word for name, interval in vocabulary.INTERVALS.items()}
_PAPER_CONVENTION = "seeds:normal"
STUDY_FAMILY = {
    "holm": "Holm's method in each direction at half the level, with its matching limits (Strassburger and Bretz 2008; "
    "Guilbaud 2008): what is shown is bounded at 0, the rest at the level that is left",
    "bonferroni": "Bonferroni's method, with its limits",
}
"""How the one family of the whole study is adjusted."""

EXPLORATORY_BY_LABEL = "Results by label are exploratory unless the label was named in advance."
# When a primary contrast, margin or label was declared, by `declared` of the settings.
WHEN_DECLARED = {
    "before": "in the study file before the test predictions existed",
    "after": "in a study file that replaced an earlier one after the first runs had finished",
    "unknown": "in the study file; nothing records that this was before the test predictions existed",
}


def dataset(name: str) -> str:
    """Print name of a data set."""
    return DATASETS.get(name, name)


def network(name: str) -> str:
    """Print name of a student's architecture."""
    return NETWORKS.get(name, name)


def teacher(name: str) -> str:
    """Print name of a teacher."""
    return TEACHERS.get(name, name)


def method(name: str) -> str:
    """Print name of a method.

    Examples
    --------
    >>> method("knowledge_distillation")
    'Knowledge distillation'
    """
    return METHODS.get(name) or name.replace("_", " ").capitalize() or "Arms"


def unfrozen(name: str | None) -> str:
    """Print which layers train; empty if it was not recorded."""
    return UNFROZEN.get(name, name) if name else ""


def metric(name: str, label: str) -> str:
    """Print name of a metric of a label or an average.

    Examples
    --------
    >>> metric("auc", "macro"), metric("f1", "Edema")
    ('macro AUC', 'F1 for Edema')
    """
    word = METRICS.get(name, name.replace("_", " "))
    if label == "macro_ovo":
        return f"macro one-vs-one {word}"
    return f"{label} {word}" if label in AVERAGES else f"{word} for {label}"


def synthetic(datasets: Sequence[str]) -> str:
    """Print the mark of results on synthetic images.

    Examples
    --------
    >>> synthetic(["Phantom chest", "Phantom fundus"])
    'SYNTHETIC: Phantom chest and Phantom fundus'
    """
    return f"SYNTHETIC: {listed(datasets)}"


def average(label: str) -> str:
    """Print name of a row that is a label or an average."""
    return f"{label.capitalize()} average" if label in AVERAGES else label


def capital(text: str) -> str:
    """Text with a capital first letter, the rest as it is.

    Examples
    --------
    >>> capital("macro AUC")
    'Macro AUC'
    """
    return text[:1].upper() + text[1:]


def in_sentence(name: str) -> str:
    """An arm's name inside a sentence: a method loses its capital, any other name stays.

    Examples
    --------
    >>> in_sentence("Attention transfer, in-domain"), in_sentence("AT from ImageNet")
    ('attention transfer, in-domain', 'AT from ImageNet')
    """
    return name[:1].lower() + name[1:] if name.startswith(tuple(METHODS.values())) else name


def points(fraction: float) -> str:
    """A margin or an effect in points, without trailing zeros.

    Examples
    --------
    >>> points(0.02), points(0.005), points(0.01)
    ('2 points', '0.5 points', '1 point')
    """
    text = f"{100 * fraction:.6g}"
    return f"{text} point{'' if text == '1' else 's'}"


def threshold_rule(rule: str) -> str:
    """Print how thresholds were chosen.

    Examples
    --------
    >>> threshold_rule("max_f1"), threshold_rule("sensitivity=0.9"), threshold_rule("fixed=0.5")
    ('largest F1', 'the highest with a sensitivity of 0.9 or more', 'fixed at 0.5')
    """
    name, _, number = rule.partition("=")
    if name == "fixed":
        return f"fixed at {number}"
    if name == "sensitivity":
        return f"the highest with a sensitivity of {number} or more"
    return {"max_f1": "largest F1", "youden": "largest sensitivity + specificity"}.get(rule, rule)


def setting(key: str, value: object) -> str:
    """Print a setting of an arm.

    Examples
    --------
    >>> setting("frozen_batchnorm", "fixed"), setting("beta", 20.0)
    ('frozen batchnorm fixed', 'beta 20')
    """
    printed = "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{key.replace('_', ' ')} {printed}"


def listed(parts: Sequence[str]) -> str:
    """Parts as a list in a sentence.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def test(name: str, scope: str) -> str:
    """Print name of a test; images that were declared independent are no clusters.

    Examples
    --------
    >>> test("delong-clustered", "patients"), test("delong-clustered", "images")
    ('clustered DeLong', 'DeLong')
    """
    word = TESTS.get(name, name)
    return word.removeprefix("clustered ").removeprefix("patient ") if scope == "images" else word


test.__test__ = False  # type: ignore[attr-defined]  # a word of the vocabulary, not a test of pytest's


def interval(name: str, level: float) -> str:
    """Print what an interval is, from its name in results.json and its level.

    Examples
    --------
    >>> interval("seeds:normal", 0.95)
    "mean ± 1.96 s/√k over seeds, the paper's convention"
    """
    if is_paper_convention(name):
        return f"mean ± {_normal_quantile(level)} s/√k over seeds, the paper's convention"
    return INTERVALS.get(name, name)


def caution(level: float) -> str:
    """Print the caution that accompanies every interval of the paper's convention."""
    return (
        f"Caution: mean ± {_normal_quantile(level)} s/√k over a few seeds covers far less often than it claims and "
        "holds the test patients fixed; it is here only so that published numbers can be set beside these."
    )


def _normal_quantile(level: float) -> str:
    return f"{NormalDist().inv_cdf((1 + level) / 2):.2f}"


def is_paper_convention(interval_name: str) -> bool:
    """Whether an interval follows the paper's convention and needs a caution."""
    return interval_name == _PAPER_CONVENTION


def group_name(group: str) -> str:
    """Print a subgroup.

    Examples
    --------
    >>> group_name("age_band=65 and over")
    'age band: 65 and over'
    """
    attribute, _, value = group.partition("=")
    return f"{attribute.replace('_', ' ')}: {value}"


def natural_sort_key(text: str) -> list[tuple[float, str]]:
    """A key that sorts numbers in text by size: beta 5 before beta 20."""
    return [(float(part), "") if part[:1].isdigit() else (-1.0, part) for part in re.split(r"(\d+\.?\d*)", text)]
