"""results.json: its schema and its vocabulary.

In: rows from the analysis. Out: an `EvaluationResult`, written and read as results.json; reports read nothing else.
Read first: schema.py. The strings in it, such as names of metrics, are in vocabulary.py.
"""

from medkt_eval.results.recorded import (
    Architecture,
    Dynamics,
    Picture,
    Reference,
    SizeEffect,
    Stage,
    TeacherAuc,
    Tuning,
)
from medkt_eval.results.schema import (
    FORMAT,
    Arm,
    Comparison,
    Curve,
    Dataset,
    Estimate,
    EvaluationResult,
    Gap,
    Omnibus,
    RunValue,
    Split,
    Threshold,
    VarianceComponent,
)
from medkt_eval.results.settings import Input, Settings, Software

__all__ = [
    "FORMAT",
    "Architecture",
    "Arm",
    "Comparison",
    "Curve",
    "Dataset",
    "Dynamics",
    "Estimate",
    "EvaluationResult",
    "Gap",
    "Input",
    "Omnibus",
    "Picture",
    "Reference",
    "RunValue",
    "Settings",
    "SizeEffect",
    "Software",
    "Split",
    "Stage",
    "TeacherAuc",
    "Threshold",
    "Tuning",
    "VarianceComponent",
]
