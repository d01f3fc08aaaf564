"""Statistics in parts: results.json does not depend on the number of parts or on where they are computed."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from operator import call, mul

import numpy as np
import pytest
from typer.testing import CliRunner

from medkt.cli.app import app
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement.label_metric import Images, MeasurementOptions
from medkt_eval.measurement.label_parts import LabelData, joined, label_work
from medkt_eval.resampling.bootstrap import BLOCK
from medkt_eval.runtime.dask_execution import AHEAD, DaskExecution
from medkt_eval.runtime.execution import LOCAL, LocalExecution, Work

METRICS = ("auc", "average_precision", "f1", "ece", "sensitivity_at_specificity")
ADD = (
    "kappa_quadratic",
    "sensitivity_at_specificity",
    "micro",
    "macro_ovo",
    "patients:bootstrap-bca",
    "patients:bootstrap-studentized",
    "permutation",
    "mcnemar",
)
REFIT = 'thresholds = "refit"\nresample = "stratified"\nadd = ["micro", "subgroups"]'


class InParts(LocalExecution):
    """Runs work in this process, in a number of parts."""

    threads = 1

    def __init__(self, parts):
        self.parts = parts


@pytest.fixture
def two_datasets(write_run, runs):
    """Two arms on a multi-label data set with groups, and two on a multi-class data set."""

    def with_groups(frame):
        return frame.assign(group_sex=["f" if patient < "010" else "m" for patient in frame["patient_id"]])

    for dataset, task in (("chest", "multilabel"), ("eye", "multiclass")):
        for method in ("transfer_learning", "attention_transfer"):
            for seed in range(2):
                write_run(
                    f"{dataset}-{method}",
                    seed,
                    dataset=dataset,
                    task=task,
                    method=method,
                    skill=1.5,
                    change=with_groups,
                )
    return runs


@pytest.fixture
def settings(study):
    """Options of an evaluation, by name."""
    return {"default": {}, "added": {"add": ADD}, "refit": {"study": study(REFIT)}}


@pytest.fixture(scope="module")
def expected():
    """A function that evaluates in one part, once for all tests, because all tests have the same runs."""
    known = {}

    def evaluated(runs, name, given):
        if name not in known:
            known[name] = results_of(runs, LOCAL, **given)
        return known[name]

    return evaluated


def results_of(runs, execution, **given):
    result = evaluate(runs, replicates=200, execution=execution, **given)
    assert len(result.datasets) == 2
    assert len(result.comparisons) > 100
    return result.model_dump(mode="json", exclude={"created"})


@pytest.mark.parametrize("replicates", [0, 1, 63, 65, 129, 300])
@pytest.mark.parametrize("parts", [2, 3, 40])
def test_joined_parts_are_the_whole(replicates, parts):
    rng = np.random.default_rng(1)
    images, scores = Images(rng.random(90) < 0.3, rng.integers(0, 30, 90), 30), rng.random((2, 90))
    data = LabelData(
        MeasurementOptions(METRICS, replicates, 3, "nih"),
        "Edema",
        images,
        scores,
        [scores[0] > 0.5, None],
        [None, "no validation predictions"],
        [(slice(None), rng.random((2, replicates)))],
    )
    ((positives, whole),) = map(joined, LOCAL.in_order([label_work(data, LOCAL)]))
    work = label_work(data, InParts(parts))
    assert (len(work.parts) > 2) == (replicates >= 2 * BLOCK)  # the values, and replicates in two parts or more
    ((weights, found),) = map(joined, LOCAL.in_order([work]))
    np.testing.assert_array_equal(weights, positives)
    assert [one.metric for one in found] == list(METRICS[:2] + METRICS[4:] + METRICS[2:4])
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_equal(asdict(one), asdict(other))


@pytest.mark.parametrize("parts", [7])
def test_results_do_not_depend_on_the_parts(two_datasets, settings, expected, parts):
    for name, given in settings.items():
        assert results_of(two_datasets, InParts(parts), **given) == expected(two_datasets, name, given)


def test_works_are_done_when_their_turn_comes():
    taken = []
    found = LOCAL.in_order(Work(mul, taken.append(k) or k, [10, 100]) for k in range(9))
    assert next(found) == [0, 0]
    assert next(found) == [10, 100]
    assert taken == [0, 1]


@pytest.fixture(scope="module")
def clusters():
    """A function that returns a client of a number of worker processes."""
    distributed = pytest.importorskip("distributed")
    opened = []

    def client_of(n_workers):
        for cluster, client in opened:
            if len(cluster.workers) == n_workers:
                return client
        cluster = distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        )
        opened.append((cluster, distributed.Client(cluster)))
        return opened[-1][1]

    yield client_of
    for cluster, client in opened:
        client.close()
        cluster.close()


class Deadly(DaskExecution):
    """Kills all workers with their data when the second work's results are fetched."""

    def __init__(self, client):
        super().__init__(client)
        self.client, self.killed, self.works = client, [], 0

    def in_order(self, works):
        for found in super().in_order(works):
            self.works += 1
            if self.works == 2:
                self.killed = list(self.client.run(os.getpid).values())
                for pid in self.killed:
                    os.kill(pid, signal.SIGKILL)
            yield found


@pytest.mark.parametrize("workers", [1, 3])
def test_results_do_not_depend_on_the_workers(two_datasets, settings, expected, clusters, workers):
    execution = DaskExecution(clusters(workers))
    assert execution.parts == (2 if workers == 3 else 1)
    for name, given in settings.items():
        assert results_of(two_datasets, execution, **given) == expected(two_datasets, name, given)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_results_do_not_depend_on_whether_workers_die(two_datasets, expected, clusters, monkeypatch):
    client = clusters(3)
    sent, send = [], client.scatter
    monkeypatch.setattr(client, "scatter", lambda data, **given: sent.append(data) or send(data, **given))
    execution = Deadly(client)
    assert results_of(two_datasets, execution) == expected(two_datasets, "default", {})
    assert len(execution.killed) == 3
    assert len(sent) > execution.works == 6  # a work a label; those whose data were lost were sent again


def test_works_are_taken_a_few_ahead(clusters):
    taken = []
    found = DaskExecution(clusters(1)).in_order(Work(mul, taken.append(k) or k, [10, 100]) for k in range(9))
    assert next(found) == [0, 0]
    assert taken == list(range(AHEAD))
    assert list(found) == [[10 * k, 100 * k] for k in range(1, 9)]


def test_command_line(two_datasets, expected, clusters, tmp_path):
    asked = ["--replicates", "200", "--no-report", "--scheduler", clusters(1).scheduler.address]
    done = CliRunner().invoke(app, ["evaluate", str(two_datasets), "--out", str(tmp_path / "found"), *asked])
    assert done.exit_code == 0, done.output
    assert "Dashboard: http://127.0.0.1:" in done.stderr
    found = json.loads((tmp_path / "found" / "results.json").read_text(encoding="utf-8"))
    whole = expected(two_datasets, "default", {})
    found["settings"] |= {"command": None}
    assert {key: found[key] for key in whole} == whole


def test_errors_of_a_part_are_told(clusters):
    client = clusters(1)
    with pytest.raises(ValueError, match="invalid literal for int"):
        list(DaskExecution(client).in_order([Work(call, int, ["no number"])]))
    client.cluster.scheduler.allowed_failures = 0
    with pytest.raises(InputError, match=r"workers die of a part .* too little memory"):
        list(DaskExecution(client).in_order([Work(call, os._exit, [1])]))
