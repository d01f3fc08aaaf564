"""What is said of all runs holds over several training sets, each with images and a teacher of its own."""

from __future__ import annotations

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions, methods, variation


@pytest.fixture
def lookup(only_arms):
    """Two training sizes of one data set; within a size all runs share training images and the teacher."""
    arms = [
        arm.model_copy(
            update={
                "arm": f"{arm.arm}-{size}",
                "train_size": size,
                "teacher": "mimic",
                "training_sha256": [f"images {size}"] * 3,
                "teacher_sha256": [f"weights {size}"] * 3,
            }
        )
        for size in (100, 400)
        for arm in only_arms.arms
    ]
    return Lookup(only_arms.model_copy(update={"arms": arms, "estimates": [], "runs": []}))


def test_training_images_and_teachers_are_not_said_to_be_one(lookup):
    record = conditions.of_report(lookup)
    assert (record.training, record.teacher) == ("fixed in each arm", "fixed in each arm")
    text = methods.methods_paragraph(lookup)
    assert "All runs of a training set had the same training images." in text
    assert "Each arm's teacher was one trained network, held fixed." in text
    assert "One trained teacher" not in text
    assert variation.sample_in_short(lookup, "phantom-chest") == "the same for all runs of one training size"
