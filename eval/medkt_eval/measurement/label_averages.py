"""Averages of a metric over labels, added up label by label so that memory holds one label at a time.

In: `LabelMetric` of each label, and its number of positive images. Out: `LabelMetric` of the macro and the weighted
average: on the data, without each patient and in each replicate.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from medkt_eval.inference.over_patients.delong import Influence
from medkt_eval.measurement.label_metric import LabelMetric, is_at_edge

LabelsDefined = Literal["all", "defined"]


class LabelAverage:
    """Macro and weighted average of one metric.

    Parameters
    ----------
    labels_defined : {"all", "defined"}
        "all": if the metric of any label does not exist, the average is null, because the average over the other labels
        is another quantity. (The weighted one is not, if the label has weight 0.) "defined": a label for which no run
        has a value is left out. A run without a value that other runs have is null, or arms would average different
        labels.
    n_patients : int
        Patients of the data set.
    patient : int64, (n_images,)
        Patient of each image, of the data set or of a subgroup.

    Notes
    -----
    An average has no value without a patient, or in a replicate, without which a label has none. The average over the
    other labels is another quantity, and its jump is not the error of this one.

    The patients of an average are those with an image of a label that it gives weight. An average of one label is the
    label, and has its degrees of freedom: those of an average would count patients who tell nothing of its positives.

    The weight of a label is its share of the positive images, which varies over patients too. The influences contain
    the term of the weight, m_i (A_l - A_w) / M.
    """

    def __init__(self, labels_defined: LabelsDefined, n_patients: int, patient: np.ndarray) -> None:
        self.labels_defined = labels_defined
        self.n_patients, self.n_images = n_patients, len(patient)
        self.patients = {average: np.zeros(n_patients, dtype=bool) for average in ("macro", "weighted")}
        self.df_of_labels: dict[str, list[float]] = {"macro": [], "weighted": []}
        self.influences_alone: dict[str, tuple[Influence, ...] | None] = {}  # of a label while it is the only one
        self.missing: dict[str, list[list[str]]] = {}  # kind of average -> run -> labels without a value
        self.one_patient: dict[str, list[list[str]]] = {}  # kind of average -> run -> labels that need some patient
        self.edges: dict[str, dict[str, np.ndarray]] = {"macro": {}, "weighted": {}}
        self.n_labels = 0
        self.total = self.weighted = self.weight = np.zeros(0)
        self.influence = self.influence_weighted = self.positives_by_patient = np.zeros(0)
        self.metric, self.has_jackknife, self.has_influences = "", True, False

    def add(self, label_metric: LabelMetric, positives: np.ndarray) -> None:
        """Add a label.

        Parameters
        ----------
        label_metric : LabelMetric
        positives : float64, (1 + n_patients + replicates,)
            The label's positive images on the data, without each patient and in each replicate.
        """
        if not self.metric:
            self._start(label_metric, positives)
        absent = np.isnan(label_metric.values)
        if absent.all() and self.labels_defined == "defined":
            return
        own = f"{label_metric.metric} of {label_metric.label}"
        at_edge = {own: is_at_edge(label_metric.metric, label_metric.values), **label_metric.edges}
        for average in ("macro", "weighted") if positives[0] > 0 else ("macro",):
            for run in np.flatnonzero(absent):
                self.missing[average][run].append(label_metric.label)
            for run, because in enumerate(label_metric.one_patient_because):
                if because:
                    self.one_patient[average][run].append(label_metric.label)
            self.edges[average] |= at_edge
            self.patients[average] |= label_metric.patients
            self.influences_alone[average] = None if self.df_of_labels[average] else label_metric.influences
            self.df_of_labels[average].append(label_metric.df_patients)
        self.n_labels += 1
        self.total += label_metric.variants
        if positives[0] > 0:
            # A label that is lost without a patient, or in a replicate, leaves another average: NaN, as in the macro.
            self.weighted += positives * label_metric.variants
        self.weight += positives
        if label_metric.influences is not None:
            influence = np.array([run.of_positives + run.of_negatives for run in label_metric.influences])
            if any(min(run.n_patients_positive, run.n_patients_negative) < 2 for run in label_metric.influences):
                influence[:] = np.nan  # images of one patient do not show how patients vary
            by_patient = positives[0] - positives[1 : 1 + self.n_patients]
            self.influence += influence
            self.influence_weighted += positives[0] * influence + by_patient * label_metric.values[:, None]
            self.positives_by_patient += by_patient

    def averages(self) -> list[LabelMetric]:
        """The macro and the weighted average of the labels added."""
        with np.errstate(invalid="ignore", divide="ignore"):
            macro = self.total / self.n_labels
            weighted = np.where(self.weight > 0, self.weighted / self.weight, np.nan)
        return [self._average("macro", macro), self._average("weighted", weighted)]

    def influence_on(self, average: str, values: np.ndarray) -> np.ndarray | None:
        """Influence of each patient on the average AUC of each run.

        Parameters
        ----------
        average : {"macro", "weighted"}
        values : float64, (n_runs,)
            The average of each run.

        Returns
        -------
        float64, (n_runs, n_patients), or None
            None for a metric other than AUC, and for an average of one label, which has the label's `influences`.
        """
        if not self.has_influences or self.influences_alone.get(average) is not None:
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            if average == "macro":
                return self.influence / self.n_labels
            return (self.influence_weighted - self.positives_by_patient * values[:, None]) / self.weight[0]

    def _start(self, label_metric: LabelMetric, positives: np.ndarray) -> None:
        n_runs = len(label_metric.values)
        self.metric, self.has_jackknife = label_metric.metric, label_metric.has_jackknife
        self.has_influences = label_metric.metric == "auc"
        self.missing, self.one_patient = (
            {average: [[] for _ in range(n_runs)] for average in ("macro", "weighted")} for _ in range(2)
        )
        self.total, self.weighted = np.zeros_like(label_metric.variants), np.zeros_like(label_metric.variants)
        self.weight = np.zeros_like(positives)
        if self.has_influences:
            self.influence, self.influence_weighted = np.zeros((2, n_runs, self.n_patients))
            self.positives_by_patient = np.zeros(self.n_patients)

    def _average(self, average: str, variants: np.ndarray) -> LabelMetric:
        metric = self.metric
        because: list[str | None] = []
        for run, value in enumerate(variants[:, 0]):
            missing = self.missing[average][run]
            variants[run] = np.nan if missing else variants[run]
            if missing:
                because.append(
                    f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
                )
            elif np.isnan(value):
                because.append("no image is positive for any label" if self.n_labels else f"no label has {metric}")
            else:
                because.append(None)
        df_of_labels, patients = self.df_of_labels[average], self.patients[average]
        return LabelMetric(
            metric=metric,
            label=average,
            because=tuple(because),
            variants=variants,
            patients=patients,
            n_images=self.n_images,
            n_positive=None,
            df_patients=df_of_labels[0] if len(df_of_labels) == 1 else patients.sum() - 1.0,
            has_jackknife=self.has_jackknife,
            influences=self.influences_alone.get(average),
            one_patient_because=tuple(
                f"without some patient there is no {metric} of {', '.join(labels)}" if labels else None
                for labels in self.one_patient[average]
            ),
            edges=self.edges[average],
        )
