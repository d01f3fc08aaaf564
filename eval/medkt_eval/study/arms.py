"""Arms and data sets, as the manifests of their runs describe them.

In: run records. Out: `Arm` and `Dataset` rows of results.json (Tables I and II).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.predictions.run_folders import ArmFields, Run
from medkt_eval.results.schema import Arm, Dataset, Split


def arms_of(records: Sequence[Run]) -> list[Arm]:
    """The arms of the runs: runs with the same arm id form an arm, and must agree in all fields except the seed.

    Raises
    ------
    InputError
        If two runs of an arm differ in anything else.
    """
    groups: dict[str, list[Run]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (record.manifest.arm_id, record.manifest.seed)):
        groups[record.manifest.arm_id].append(record)
    arms = []
    for arm_id, runs in groups.items():
        first = runs[0].manifest
        for run in runs[1:]:
            if (run.manifest.arm, run.manifest.labels, run.manifest.role) != (first.arm, first.labels, first.role):
                raise InputError(
                    f"{run.source}: arm, labels or role differ from {first.run_id}'s, though both are runs of "
                    f"{arm_id}; the runs of an arm may differ in their seed only"
                )
        fields = first.arm.model_dump(include=set(ArmFields.model_fields) - {"name"})
        arms.append(
            Arm(
                **fields,
                arm=arm_id,
                name=first.arm.name or _name(first.arm),
                role=first.role,
                seeds=[run.manifest.seed for run in runs],
                seconds=[run.manifest.seconds for run in runs],
                training_sha256=[run.manifest.data.sha256.get("train") for run in runs],
                validation_sha256=[run.manifest.data.sha256.get("validation") for run in runs],
                teacher_sha256=[run.manifest.teacher and run.manifest.teacher.sha256 for run in runs],
                selection=[run.manifest.selection for run in runs],
            )
        )
    return arms


def _name(arm: ArmFields) -> str:
    words = {"transfer_learning": "Transfer learning", "attention_transfer": "Attention transfer"}
    name = words.get(arm.method, arm.method.replace("_", " ").capitalize())
    return f"{name} from {arm.teacher}" if arm.teacher else name


def datasets_of(records: Sequence[Run], test_sets: Sequence[TestSet]) -> list[Dataset]:
    """The data sets as the runs recorded them (Tables I and II); the test split as it was read."""
    rows = []
    for test in test_sets:
        dataset = test.dataset
        manifests = [record.manifest for record in records if record.manifest.arm.dataset == dataset]
        data = manifests[0].data
        splits: dict[str, Split] = {}
        training: dict[str, list[str | None]] = defaultdict(list)
        for manifest in manifests:
            training[manifest.arm_id].append(manifest.data.sha256.get("train"))
            for split in manifest.data.n:
                name = f"train {manifest.arm.train_size}" if split == "train" else split
                splits.setdefault(
                    name,
                    Split(
                        n_images=manifest.data.n[split],
                        n_patients=manifest.data.patients.get(split),
                        sha256=manifest.data.sha256.get(split),
                        n_positive=manifest.data.positive.get(split, {}),
                    ),
                )
        splits["test"] = Split(
            n_images=test.n_images,
            n_patients=test.n_patients_named,
            sha256=data.sha256.get("test"),
            n_positive={label: int(np.nansum(test.truth(k))) for k, label in enumerate(test.labels)},
        )
        shared = [manifest.data.patients_in_two_splits for manifest in manifests]
        rows.append(
            Dataset(
                dataset=dataset,
                task=manifests[0].arm.task,
                labels=manifests[0].labels,
                splits=splits,
                synthetic=any(manifest.data.synthetic for manifest in manifests),
                source=data.source,
                labelling=data.labelling,
                views=data.views,
                patients_in_two_splits=None if None in shared else max(n for n in shared if n is not None),
                training_sample=_training_sample(training.values()),
            )
        )
    return rows


def _training_sample(
    hashes: Iterable[Sequence[str | None]],
) -> Literal["fixed", "redrawn with each seed", "mixed", "unknown"]:
    """Whether the seeds of an arm were trained on the same images, by the sha256 of the image ids."""
    several = [arm for arm in hashes if len(arm) > 1]
    if not several or any(None in arm for arm in several):
        return "unknown"
    if all(len(set(arm)) == 1 for arm in several):
        return "fixed"
    return "redrawn with each seed" if all(len(set(arm)) == len(arm) for arm in several) else "mixed"
