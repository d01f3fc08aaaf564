"""Refuse weights that have seen the patients whom an arm is tested on.

In: the runs of a study, what opens their data sets, and what finds their weights. Out: notes on what could not be
compared, or an error. Two data sets are compared by what they hold, not by how they are written down: the files that
their paths lead to, the content of these files, and the patient ids where both name the same people.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from medkt.data import AnyData
from medkt.data.collection import Collection
from medkt.run.images import DatasetLoader
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file, sha256_of_ids
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.files import open_file
from medkt_eval.runtime.reading.text import parse_toml, read_json, read_text
from medkt_eval.runtime.validation import validated

_PAIRS = 20  # pictures of one name and patient that are compared to find out whether two data sets name the same people
_SIDE_PX = 32
_ALIKE = 0.98  # correlation of a picture and its smaller or compressed copy; of two patients' chests it is below 0.95


@dataclass(frozen=True)
class Images:
    """Images that a network has learnt from, or that an arm is tested on."""

    name: str  # for messages
    settings: AnyData
    collection: Collection
    rows: np.ndarray  # int64, (n,)

    @cached_property
    def files(self) -> dict[str, int]:
        """The row of each file of the whole collection, by the path that links and `..` lead to; URLs as they are."""
        folders: dict[str, str] = {}
        places = {}
        for row, file in enumerate(() if self.collection.files is None else self.collection.files.tolist()):
            folder, name = os.path.split(str(file))
            if folder not in folders:
                folders[folder] = folder if is_remote(file) else os.path.realpath(folder)
            places[f"{folders[folder]}/{name}"] = row
        return places


def check_no_leak(runs: Sequence[RunSettings], loader: DatasetLoader, sources: WeightSources) -> list[str]:
    """Refuse weights if an arm that uses them is tested on patients that they have seen.

    Parameters
    ----------
    runs : sequence of RunSettings
        Arms, and the teachers of the study.
    loader : DatasetLoader
        Opens their data sets.
    sources : WeightSources
        Finds given weights.

    Returns
    -------
    list of str
        Which given weights could not be compared, and why.

    Raises
    ------
    InputError
        If images or patients are shared; names the first.
    """
    arms = [run for run in runs if run.role == "arm"]
    teachers = dict.fromkeys(run.dataset for run in runs if run.role == "teacher")
    for tested_name in dict.fromkeys(run.dataset for run in arms):
        tested = _tested(loader, tested_name)
        for name in teachers:
            if name != tested_name:
                learnt = Images(name, loader.settings[name], *loader.learnt_from(name))
                _refuse_shared(learnt, tested, f"a teacher learns from in {name}")
    notes = []
    for folder, datasets in _given_runs(runs, sources).items():
        learnt = _images_of_run(folder)
        if isinstance(learnt, str):
            notes.append(learnt)
            continue
        for name in datasets:
            _refuse_shared(learnt, _tested(loader, name), f"the given weights {folder} have learnt from")
    return notes


def _tested(loader: DatasetLoader, name: str) -> Images:
    return Images(name, loader.settings[name], *loader.tested_on(name))


def _given_runs(runs: Sequence[RunSettings], sources: WeightSources) -> Mapping[Path, Sequence[str]]:
    """Find the run folders among the given weights, and the data sets of the arms that use each, directly or not."""
    tested = list(dict.fromkeys(run.dataset for run in runs if run.role == "arm"))
    found: dict[Path, list[str]] = {}
    for run in runs:
        for path in sources.given(run):
            folder = path if path.is_dir() else path.parent
            if (folder / "run.json").is_file():
                found.setdefault(folder, []).extend([run.dataset] if run.role == "arm" else tested)
    return {folder: list(dict.fromkeys(datasets)) for folder, datasets in found.items()}


def _images_of_run(folder: Path) -> Images | str:
    """Open the images that a run has learnt from; or say why they cannot be compared."""
    unknown = f"{folder}: whether these weights have seen the test patients could not be compared: "
    record = read_json(folder / "run.json", "a run's manifest")
    config = folder / "config.toml"
    if not config.is_file():
        return f"{unknown}the run has no config.toml"
    expected = "a run's settings, as medkt train writes them"
    settings = validated(RunSettings, parse_toml(read_text(config, expected), str(config), expected), str(config))
    name = settings.dataset
    loader = DatasetLoader({name: settings.data}, {name: [settings.train_size]}, study=str(config))
    try:
        collection, rows = loader.learnt_from(name)
    except InputError as error:
        return f"{unknown}{error}"
    recorded = (record.get("data") or {}).get("sha256") or {}
    split = loader.split(name)
    for part, part_rows in (("train", split.train[settings.train_size]), ("validation", split.validation)):
        if recorded.get(part) != sha256_of_ids(collection.image_ids[part_rows]):
            return f"{unknown}its data set has changed since, and gives another {part} set"
    return Images(name, settings.data, collection, rows)


def _refuse_shared(learnt: Images, tested: Images, what: str) -> None:
    remedy = "use disjoint patients (for a phantom, another seed)"
    shared = _shared_patients(learnt, tested)
    if shared:
        raise InputError(
            f"{len(shared)} patients that {what} are test patients of {tested.name} (first: {min(shared)!r}); {remedy}"
        )
    images = _same_images(learnt, tested)
    if images:
        raise InputError(
            f"{len(images)} images that {what} are test images of {tested.name}, in the same file or in a copy "
            f"(first: {min(images)!r}); {remedy}"
        )


def _shared_patients(learnt: Images, tested: Images) -> set[str]:
    """Return the test patients who have been learnt from, by the ids of `tested`."""
    test_patients = set(tested.collection.patient_ids[tested.rows].astype(str).tolist())
    rows = set(learnt.rows.tolist())
    both = [tested.files[file] for file, row in learnt.files.items() if row in rows and file in tested.files]
    seen = set(tested.collection.patient_ids[both].astype(str).tolist()) if both else set()
    if _name_the_same_people(learnt, tested):
        seen |= set(learnt.collection.patient_ids[learnt.rows].astype(str).tolist())
    return seen & test_patients


def _name_the_same_people(one: Images, other: Images) -> bool:
    """Whether a patient id means the same person in both: ids such as 12 occur in collections that share nobody."""
    if one.collection.files is None or other.collection.files is None:
        drawn = [(type(each.settings), getattr(each.settings, "seed", None)) for each in (one, other)]
        return one.collection.files is other.collection.files and drawn[0] == drawn[1]
    if not one.files.keys().isdisjoint(other.files):
        return True
    names = {(Path(file).stem, one.collection.patient_ids[row]): row for file, row in one.files.items()}
    pairs = []
    for file, row in other.files.items():
        own = names.get((Path(file).stem, other.collection.patient_ids[row]))
        if own is not None:
            pairs.append((own, row))
    if not pairs:
        return False
    chosen = np.linspace(0, len(pairs) - 1, min(_PAIRS, len(pairs))).astype(int)
    alike = [_correlation(one, pairs[k][0], other, pairs[k][1]) > _ALIKE for k in chosen]
    return sum(alike) * 2 > len(alike)


def _correlation(one: Images, row: int, other: Images, other_row: int) -> float:
    """Correlation of two pictures, small and grey; 0 if one of them has one colour."""
    small = []
    for images, index in ((one, row), (other, other_row)):
        picture = images.collection.read(index, _SIDE_PX).astype(float)
        small.append((picture if picture.ndim == 2 else picture.mean(axis=2)).ravel())
    if small[0].std() == 0 or small[1].std() == 0:
        return 0.0
    return float(np.corrcoef(*small)[0, 1])


def _same_images(learnt: Images, tested: Images) -> list[str]:
    """Return the test images whose file, or a file of the same bytes, has been learnt from."""
    if learnt.collection.files is None or tested.collection.files is None:
        return []
    learnt_rows = set(learnt.rows.tolist())
    learnt_files = [file for file, row in learnt.files.items() if row in learnt_rows]
    tested_rows = set(tested.rows.tolist())
    test_files = {
        file: str(tested.collection.image_ids[row]) for file, row in tested.files.items() if row in tested_rows
    }
    shared = set(learnt_files) & test_files.keys()
    local = [[file for file in files if not is_remote(file)] for files in (learnt_files, test_files)]
    for key in (_size, _middle, sha256_of_file):  # the cheap ones first: few files are read whole
        keys = [{file: key(Path(file)) for file in files} for files in local]
        both = set(keys[0].values()) & set(keys[1].values())
        local = [[file for file in files if of[file] in both] for files, of in zip(local, keys, strict=True)]
    return [test_files[file] for file in sorted(shared | set(local[1]))]


def _size(path: Path) -> int:
    return path.stat().st_size


def _middle(path: Path) -> bytes:
    """Hash of the size and of 4 kB from the middle of a file; the ends of images are often alike."""
    size = _size(path)
    with open_file(path) as file:
        file.seek(max(0, size // 2 - 2048))
        return hashlib.sha256(b"%d " % size + file.read(4096)).digest()
