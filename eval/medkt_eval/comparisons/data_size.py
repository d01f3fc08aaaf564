"""Curves of a metric against the number of training images, for Fig. 3.

In: arms and their estimates. Out: a `Curve` for every recipe that was trained on two or more numbers of images.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from medkt_eval.inference.obuchowski_rockette import NAME
from medkt_eval.results.schema import Arm, Curve, Estimate
from medkt_eval.results.vocabulary import HEADLINES

INTERVALS = (NAME, "seeds:t", "patients:delong", "images:delong", "patients:bootstrap-percentile")
TUNED = "beta"  # tuned for each training size, as in Table III


def data_size_curves(arms: Sequence[Arm], estimates: Sequence[Estimate]) -> list[Curve]:
    """The headline metrics of each recipe against its training sizes, in ascending order.

    A recipe is data set, method, student, teacher, unfrozen layers and settings except `beta`, which is tuned for each
    size. Arms of one size that differ only in beta are recipes of their own. Arms without a recorded size are left out.

    Parameters
    ----------
    arms : sequence of Arm
    estimates : sequence of Estimate
        Estimates of those arms. The band is the first of `INTERVALS` that exists at every size, else at any size.

    Returns
    -------
    list of Curve
        `n_seeds` is the smallest number over the sizes.
    """
    by_arm: dict[tuple[str, str, str], dict[str, Estimate]] = defaultdict(dict)
    for row in estimates:
        if row.group is None:
            by_arm[row.arm, row.metric, row.label][row.interval] = row
    curves = []
    for recipe in recipes(arms):
        for metric, label in HEADLINES[recipe[0].task]:
            points = [by_arm[arm.arm, metric, label] for arm in recipe]
            if all(points):
                curves.append(_curve(recipe, metric, label, points))
    return curves


def recipes(arms: Sequence[Arm]) -> list[list[Arm]]:
    """The arms of each recipe with two or more sizes, in ascending order of size: see `data_size_curves`."""
    groups: dict[str, list[Arm]] = defaultdict(list)
    for arm in sorted(arms, key=lambda arm: arm.arm):
        if arm.role == "arm" and arm.train_size is not None:
            groups[_recipe(arm, without=TUNED)].append(arm)
    with_sizes = []
    for group in groups.values():
        several_at_one_size = len({arm.train_size for arm in group}) < len(group)
        parts: dict[str, list[Arm]] = defaultdict(list)
        for arm in group:
            parts[_recipe(arm) if several_at_one_size else ""].append(arm)
        for part in parts.values():
            if len({arm.train_size for arm in part}) == len(part) > 1:
                with_sizes.append(sorted(part, key=lambda arm: arm.train_size or 0))
    return with_sizes


def _recipe(arm: Arm, without: str | None = None) -> str:
    settings = {name: value for name, value in arm.settings.items() if name != without}
    return json.dumps([arm.dataset, arm.method, arm.student, arm.teacher, arm.unfrozen, settings], sort_keys=True)


def _curve(recipe: Sequence[Arm], metric: str, label: str, points: Sequence[dict[str, Estimate]]) -> Curve:
    def defined(name: str) -> list[bool]:
        return [name in point and point[name].low is not None for point in points]

    band = next((name for how in (all, any) for name in INTERVALS if how(defined(name))), None)
    values = [next(iter(point.values())) for point in points]  # the same value in every interval's row
    limits = [point.get(band) if band else None for point in points]
    return Curve(
        curve="data-size",
        dataset=recipe[-1].dataset,
        arm=recipe[-1].arm,
        arms=[arm.arm for arm in recipe],
        metric=metric,
        label=label,
        x_name="training images",
        x=[float(arm.train_size or 0) for arm in recipe],
        y=[row.value for row in values],
        low=[row.low if row else None for row in limits] if band else None,
        high=[row.high if row else None for row in limits] if band else None,
        interval=band,
        level=values[0].level if band else None,
        n_seeds=min(row.n_seeds for row in values),
    )
