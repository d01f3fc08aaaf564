"""Settings of methods that compare layers of student and teacher.

In: the keys of an arm. Out: `TappedSettings`, the base class of such a method's settings; its `layers` reads the maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from medkt.transfer.settings import Lesson, TapSettings, TaughtSettings

if TYPE_CHECKING:
    from medkt.transfer.taps import Taps


class TappedSettings(TaughtSettings):
    """Settings of a method that compares maps of pairs of layers."""

    taps: list[TapSettings] | None = Field(default=None, min_length=1, description="none: the attention layers")

    @property
    def taps_attention_layers(self) -> bool:
        """Whether no `taps` are given."""
        return self.taps is None

    def layers(self, lesson: Lesson) -> Taps:
        """The pairs of layers, ready to be read."""
        from medkt.transfer.taps import Taps

        return Taps(lesson.student, lesson.teacher, self.taps, lesson.image_size_px)
