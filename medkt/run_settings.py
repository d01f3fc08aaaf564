"""The settings of one run, as its config.toml holds them.

In: an arm or a teacher of a study. Out: `RunSettings`, with every default written out.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from medkt.data import AnyData
from medkt.settings import Architecture, Settings, TrainingSettings, Unfrozen
from medkt.transfer import METHODS, AnyMethod, gathered, own_keys


class RunSettings(Settings):
    """One training: every setting, defaults included.

    In a file and in `model_dump`, the keys of the method are next to the others; here they are in `transfer`.
    """

    run_id: str
    role: Literal["arm", "teacher"]
    name: str
    dataset: str
    data: AnyData
    train_size: int | None
    method: str
    student: Architecture
    seed: int
    initialisation: str
    unfrozen: Unfrozen = "all"
    teacher: str | None = None
    transfer: AnyMethod
    grid: str | None = Field(default=None, description="shared by runs that differ in beta alone")
    training: TrainingSettings

    @model_validator(mode="before")
    @classmethod
    def _keys_of_the_method(cls, table: Any) -> Any:
        if not isinstance(table, dict) or "transfer" in table or table.get("method") not in METHODS:
            return table
        method = METHODS[table["method"]]
        # Every config.toml has `projection`; it is false for methods that have no such key.
        rest = {key: value for key, value in table.items() if key != "projection" or key in method.model_fields}
        return gathered(rest)

    @model_serializer(mode="wrap")
    def _keys_side_by_side(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for key, value in handler(self).items():
            if key != "transfer":
                flat[key] = value
                continue
            own = own_keys(self.transfer)
            flat |= {**own, "projection": own.get("projection", False)}
        return flat


Unit = tuple[RunSettings, ...]  # what is trained in lockstep: one run, or the settings of a grid
