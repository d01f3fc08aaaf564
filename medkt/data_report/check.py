"""MAIN PATH of `medkt data check`: what is wrong with a data set.

In: an `Opened` data set. Out: `Checked`: every finding with its evidence, worst first. Each image is read once.
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
        Told as images are read.
    """
    collection = opened.collection
    findings: list[Finding] = []
    looked: dict[str, str] = {}

    def note(said: str, names: list[str], found: list[Finding]) -> None:
        findings.extend(found)
        looked.update(dict.fromkeys(names, said))

    n = f"{len(collection):,} images"
    found, said = image_checks.absent(collection)
    note(said, ["absent images"], found)
    with survey(collection, progress) as seen:
        note(f"{n} read", ["unreadable images"], image_checks.unreadable(collection, seen))
        note(f"{n} read", ["constant images"], image_checks.blank(collection, seen))
        found, said = image_checks.standing_out(collection, seen)
        note(said, ["negative images", "turned images", "unlike images"], found)
        note(f"SHA-256 of {n}", ["identical images"], copies.identical(opened, seen))
        found, said = copies.similar(opened, seen, seen.readable() & (seen.spread >= image_checks.FLAT))
        note(said, ["near-identical images", "one person, two patient ids"], found)
    labels = f"{len(collection.labels)} labels of {n}"
    note(labels, ["label conflicts"], label_checks.conflicts(collection))
    note(labels, ["classes outside the range"], label_checks.outside_range(collection))
    note(labels, ["labels never seen alone"], label_checks.implied(collection))
    note(labels, ["unlabelled images"], label_checks.unlabelled(collection))
    note(labels, ["labels without images"], label_checks.unshown(opened))
    split = f"{len(opened.disjoint())} splits" if opened.parts else "not compared: no splits are known"
    note(split, ["patients in two splits"], label_checks.shared_patients(opened))
    found, said = shifts.shifts(opened)
    note(said, ["prevalence shifts"], found)
    found, said = shortcuts.shortcuts(collection, headers(collection))
    note(said, ["shortcuts", "weak shortcuts", "labels told by age or sex"], found)
    note(f"{len(collection.groups)} columns", ["unknown metadata"], label_checks.unknown_groups(collection))
    findings += label_checks.told_by_the_loader(collection)
    patients = len(set(collection.patient_ids.astype(str)))
    return Checked(opened.name, len(collection), patients, worst_first(findings), looked)
