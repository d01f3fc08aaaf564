"""Study files and the settings of runs, under one name for other programs.

The schema of a study file is in `medkt.study.schema`, the settings of a run in `medkt.run_settings`.
"""

from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.study.schema import ArmSettings, Study, TeacherSettings, read_study, shipped_study

__all__ = ["ArmSettings", "RunSettings", "Study", "TeacherSettings", "TrainingSettings", "read_study", "shipped_study"]
