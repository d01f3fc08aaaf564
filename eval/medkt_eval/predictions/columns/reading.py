"""A header while it is read: what its columns hold, and what `--columns` should say of the others.

In: the names in a header. Out: `Reading`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns import near_names
from medkt_eval.predictions.columns.names import is_known, listed


@dataclass
class Reading:
    """What the columns of a table hold.

    Parameters
    ----------
    holds : dict of str to str
        Name in docs/formats.md -> name in the table.
    unknown : list of str
        The other columns.
    wanted : dict of str to str
        What `--columns` should say of unknown columns.
    absent : list of str
        What is needed, and no column seems to hold.
    """

    holds: dict[str, str]
    unknown: list[str]
    wanted: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    @property
    def free(self) -> list[str]:
        """Unknown columns of which nothing is suggested yet."""
        return [name for name in self.unknown if name not in self.wanted.values()]

    def labels(self, kind: str) -> list[str]:
        """Labels with a column of this kind, `target_` or `score_`, that is there or suggested."""
        return [role.removeprefix(kind) for role in (*self.holds, *self.wanted) if role.startswith(kind)]

    def has(self, role: str) -> bool:
        """Whether a column holds it, or is suggested for it."""
        return role in self.holds or role in self.wanted

    def suggest_misspelt(self) -> None:
        """Suggest what misspelt names mean, unless another column holds it."""
        for name in self.unknown:
            role = near_names.misspelt(name)
            if role and not self.has(role):
                self.wanted[role] = name

    def suggest_other_prefixes(self) -> None:
        """Suggest `pred_Edema` for the score of a label that has a target, and the like.

        Without any known column of a label, two or more scores by another prefix are suggested.
        """
        others = near_names.likeliest_by_role(self.free)
        targets, scores = (
            [role.removeprefix(kind) for role in others if role.startswith(kind)] for kind in ("target_", "score_")
        )
        of_classes = len(scores) > 1 and not self.labels("target_") and not self.labels("score_")
        for label in targets:
            if label in [*scores, *self.labels("score_")] and not self.has(f"target_{label}"):
                self.wanted[f"target_{label}"] = others[f"target_{label}"]
        for label in scores:
            if (label in self.labels("target_") or of_classes) and not self.has(f"score_{label}"):
                self.wanted[f"score_{label}"] = others[f"score_{label}"]

    def suggest_others(self, needed: Sequence[str]) -> None:
        """Suggest columns by the names that other programs give them, for what is needed and for patients."""
        for role in (role for role in needed if not self.has(role)):
            name = near_names.likeliest_by_role(self.free).get(role) or near_names.by_other_name(role, self.free)
            if name is None:
                self.absent.append(role)
            else:
                self.wanted[role] = name
        patients = near_names.by_other_name("patient_id", self.free)
        if self.wanted and patients and not self.has("patient_id"):
            self.wanted["patient_id"] = patients

    def short_names(self, labels: Sequence[str]) -> dict[str, str]:
        """`target_Edema` -> `target` and `score_Edema` -> `score`, where the only label has its columns so."""
        roles = {f"{kind}_{labels[0]}": kind for kind in ("target", "score")}
        return {role: kind for role, kind in roles.items() if self.has(kind) and not self.has(role)}

    def drop_suggestions_beyond(self, needed: Sequence[str]) -> None:
        """Suggest no target or score of a label that the table is not about."""
        of_labels = ("target", "score")
        self.wanted = {k: v for k, v in self.wanted.items() if k in needed or not k.startswith(of_labels)}


def named(names: Sequence[str], given: Mapping[str, str], source: str, labels: Sequence[str] = ()) -> Reading:
    """Columns that `--columns` or their own name explains; the others are unknown.

    Blanks at the end of a name go, unless the run has a label of that name.

    Raises
    ------
    InputError
        If a column that `--columns` names is absent, and no column has the name of docs/formats.md either; or if two
        columns differ in blanks at the end only.
    """
    for role, own in given.items():
        if own not in names and role not in names:
            raise InputError(f"{source}: no column {own!r}, which --columns names as {role}; found {listed(names)}")
    of_own = {own: role for role, own in given.items() if own in names}
    holds, unknown = {}, []
    for name in names:
        role = of_own.get(name)
        own_name = name if name.partition("_")[2] in labels else name.rstrip()
        if role is None and is_known(own_name) and own_name not in of_own.values():
            role = own_name
        if role is None:
            unknown.append(name)
        elif role in holds:
            raise InputError(f"{source}: columns {holds[role]!r} and {name!r} are both {role}; expected one of them")
        else:
            holds[role] = name
    return Reading(holds, unknown)
