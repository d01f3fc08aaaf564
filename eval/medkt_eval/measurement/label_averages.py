"""Averages of a metric over labels, gathered label by label so that memory holds one label at a time.

In: `LabelMetric` of each label and its positives. Out: `LabelMetric` of the macro and weighted averages: on the data,
without each patient and in each replicate.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from medkt_eval.measurement.one_label import LabelMetric, count_patients

LabelsDefined = Literal["all", "defined"]


class Average:
    """Macro and weighted average of one metric.

    Parameters
    ----------
    labels_defined : {"all", "defined"}
        "all": a label whose metric does not exist makes the average null (the weighted one unless its weight is 0),
        because the average over the labels that happen to be left is another quantity. "defined": a label that no run
        has a value for is left out; a run without a value that others have is null, or arms would average other labels.
    n_patients : int
        Patients of the data set.
    patient : int64, (n_images,)
        Patient of each image, of the data set or of a subgroup.

    Notes
    -----
    The weight of a label, its share of the positive images, varies over patients too: its own term,
    m_i (A_l - A_w) / M, is in the influences.
    """

    def __init__(self, labels_defined: LabelsDefined, n_patients: int, patient: np.ndarray) -> None:
        self.labels_defined = labels_defined
        self.n_patients, self.n_images, self.df_patients = n_patients, len(patient), count_patients(patient) - 1.0
        self.missing: dict[str, list[list[str]]] = {}  # kind of average -> run -> labels without a value
        self.n_labels = 0
        self.total = self.weighted = self.weight = np.zeros(0)
        self.influence = self.influence_weighted = self.positives_by_patient = np.zeros(0)
        self.metric, self.has_jackknife = "", True

    def add(self, found: LabelMetric, positives: np.ndarray) -> None:
        """Add a label.

        Parameters
        ----------
        found : LabelMetric
        positives : float64, (1 + n_patients + replicates,)
            The label's positive images on the data, without each patient and in each replicate.
        """
        if not self.metric:
            self.metric, self.has_jackknife = found.metric, found.has_jackknife
            self.missing = {kind: [[] for _ in found.values] for kind in ("macro", "weighted")}
            self.total, self.weighted = np.zeros_like(found.variants), np.zeros_like(found.variants)
            self.weight = np.zeros_like(positives)
            if found.metric == "auc":
                self.influence, self.influence_weighted = np.zeros((2, len(found.values), self.n_patients))
                self.positives_by_patient = np.zeros(self.n_patients)
        absent = np.isnan(found.values)
        if absent.all() and self.labels_defined == "defined":
            return
        for run in np.flatnonzero(absent):
            self.missing["macro"][run].append(found.label)
            if positives[0] > 0:
                self.missing["weighted"][run].append(found.label)
        self.n_labels += 1
        self.total += found.variants
        self.weighted += np.where(positives > 0, positives * found.variants, 0.0)
        self.weight += positives
        if found.influences is not None:
            mine = np.array([i.of_positives + i.of_negatives for i in found.influences])
            if any(min(i.n_patients_positive, i.n_patients_negative) < 2 for i in found.influences):
                mine[:] = np.nan  # one patient's images tell nothing of how patients vary
            by_patient = positives[0] - positives[1 : 1 + self.n_patients]
            self.influence += mine
            self.influence_weighted += positives[0] * mine + by_patient * found.values[:, None]
            self.positives_by_patient += by_patient

    def measured(self) -> list[LabelMetric]:
        """The macro and the weighted average."""
        with np.errstate(invalid="ignore", divide="ignore"):
            macro = self.total / self.n_labels
            weighted = np.where(self.weight > 0, self.weighted / self.weight, np.nan)
        return [self._measured("macro", macro), self._measured("weighted", weighted)]

    def influence_of(self, kind: str, values: np.ndarray) -> np.ndarray | None:
        """Influence of each patient on the average AUC of each run, float64, (n_runs, n_patients); None if not AUC."""
        if self.metric != "auc":
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            if kind == "macro":
                return self.influence / self.n_labels
            return (self.influence_weighted - self.positives_by_patient * values[:, None]) / self.weight[0]

    def _measured(self, kind: str, variants: np.ndarray) -> LabelMetric:
        metric = self.metric
        because: list[str | None] = []
        for run, value in enumerate(variants[:, 0]):
            missing = self.missing[kind][run]
            variants[run] = np.nan if missing else variants[run]
            if missing:
                because.append(
                    f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
                )
            elif np.isnan(value):
                because.append("no image is positive for any label" if self.n_labels else f"no label has {metric}")
            else:
                because.append(None)
        return LabelMetric(
            metric=metric,
            label=kind,
            because=tuple(because),
            variants=variants,
            n_patients=self.n_patients,
            n_images=self.n_images,
            n_positive=None,
            df_patients=self.df_patients,
            has_jackknife=self.has_jackknife,
        )
