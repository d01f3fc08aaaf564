"""MAIN PATH of `medkt data check`: what is wrong with a data set.

In: an `Opened` data set. Out: `Checked`, every finding with its evidence, worst first. Each image is read once.
"""

from __future__ import annotations

from medkt.data_report.checks import copies, shifts, shortcuts
from medkt.data_report.checks import images as image_checks
from medkt.data_report.checks import labels as label_checks
from medkt.data_report.findings import Checked, Finding, worst_first
from medkt.data_report.opening import Opened
from medkt.data_report.survey import Progress, headers, survey


def check(opened: Opened, progress: Progress = lambda _done, _all: None) -> Checked:
    """Run every check.

    Parameters
    ----------
    opened : Opened
        The data set and its splits.
    progress : callable (done, all)
        Called as images are read.
    """
    collection = opened.collection
    findings: list[Finding] = []
    scopes: dict[str, str] = {}

    def record(scope: str, names: list[str], results: list[Finding]) -> None:
        findings.extend(results)
        scopes.update(dict.fromkeys(names, scope))

    n = f"{len(collection):,} images"
    results, scope = image_checks.absent(collection)
    record(scope, ["absent images"], results)
    with survey(collection, progress) as surveyed:
        record(f"{n} read", ["unreadable images"], image_checks.unreadable(collection, surveyed))
        record(f"{n} read", ["constant images"], image_checks.blank(collection, surveyed))
        results, scope = image_checks.standing_out(collection, surveyed)
        record(scope, ["negative images", "turned images", "unlike images"], results)
        record(f"SHA-256 of {n}", ["identical images"], copies.identical(opened, surveyed))
        results, scope = copies.similar(opened, surveyed, surveyed.readable() & (surveyed.spread >= image_checks.FLAT))
        record(scope, ["near-identical images", "one person, two patient ids"], results)
    labels = f"{len(collection.labels)} labels of {n}"
    record(labels, ["label conflicts"], label_checks.conflicts(collection))
    record(labels, ["classes outside the range"], label_checks.outside_range(collection))
    record(labels, ["labels never seen alone"], label_checks.implied(collection))
    record(labels, ["unlabelled images"], label_checks.unlabelled(collection))
    record(labels, ["labels without images"], label_checks.unshown(opened))
    split = f"{len(opened.disjoint())} splits" if opened.parts else "not compared: no splits are known"
    record(split, ["patients in two splits"], label_checks.shared_patients(opened))
    results, scope = shifts.shifts(opened)
    record(scope, ["prevalence shifts"], results)
    results, scope = shortcuts.shortcuts(collection, headers(collection))
    record(scope, ["shortcuts", "weak shortcuts", "labels told by age or sex"], results)
    record(f"{len(collection.groups)} columns", ["unknown metadata"], label_checks.unknown_groups(collection))
    findings += label_checks.loader_notes(collection)
    patients = len(set(collection.patient_ids.astype(str)))
    return Checked(opened.name, len(collection), patients, worst_first(findings), scopes)
