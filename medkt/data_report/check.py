"""MAIN PATH of `medkt data check`: what is wrong with a data set.

In: an `Opened` data set. Out: `Checked`, every finding with its evidence, worst first. Each image is read once.
"""

from __future__ import annotations

from medkt.data_report.checks import copies, depth, scopes, shifts, shortcuts
from medkt.data_report.checks import images as image_checks
from medkt.data_report.checks import labels as label_checks
from medkt.data_report.checks import patients as patient_checks
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
    looked_at: dict[str, str] = {}

    def record(scope: str, names: list[str], results: list[Finding]) -> None:
        findings.extend(results)
        looked_at.update(dict.fromkeys(names, scope))

    results, scope = image_checks.absent(collection)
    record(scope, ["absent images"], results)
    with survey(collection, progress) as surveyed:
        record(f"{len(collection):,} images", ["unreadable images"], image_checks.unreadable(collection, surveyed))
        record(scopes.reading(surveyed), ["constant images"], image_checks.blank(collection, surveyed))
        results, scope = depth.unused_bits(surveyed)
        record(scope, ["unused bits"], results)
        results, scope = image_checks.standing_out(collection, surveyed)
        record(scope, ["negative images", "turned images", "unlike images"], results)
        readable = surveyed.readable()
        scope = scopes.pairs(readable, "can be read") or f"SHA-256 of {int(readable.sum()):,} images"
        record(scope, ["identical images"], copies.identical(opened, surveyed))
        results, scope = copies.similar(opened, surveyed, readable & (surveyed.spread >= image_checks.FLAT))
        record(scope, ["near-identical images", "one person, two patient ids"], results)
    looked_at |= scopes.labels(collection)
    findings += [
        *label_checks.conflicts(collection),
        *label_checks.outside_range(collection),
        *label_checks.implied(collection),
        *label_checks.unlabelled(collection),
        *label_checks.unshown(opened),
    ]
    record(scopes.patients_in_splits(opened), ["patients in two splits"], label_checks.shared_patients(opened))
    record(patient_checks.scope(collection), ["one patient id, two persons"], patient_checks.contradicting(collection))
    results, scope = shifts.shifts(opened)
    record(scope, ["prevalence shifts"], results)
    results, tried = shortcuts.shortcuts(collection, headers(collection))
    findings += results
    looked_at |= tried
    record(scopes.metadata(collection), ["unknown metadata"], label_checks.unknown_groups(collection))
    findings += label_checks.doubts(collection) + label_checks.loader_notes(collection)
    patients = len(set(collection.patient_ids.astype(str)))
    return Checked(opened.name, len(collection), patients, worst_first(findings), looked_at)
