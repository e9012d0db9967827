"""The colours of classes, for pictures made in Python; the same as widgets/src/shared/palette.ts."""
from __future__ import annotations

__all__ = ["PALETTE", "NEUTRAL", "RAMP", "class_colour", "rgb"]

PALETTE = (
    "#0968ba", "#f2801e", "#116243", "#c26081", "#25a4bf", "#d9c505",
    "#803488", "#17db98", "#a31e12", "#9b7bf0", "#8f7212", "#acc3f1",
)
"""Twelve, told apart with the common kinds of colour blindness; by class position, repeated from the thirteenth class on."""
NEUTRAL = "#a9adb3"
"""What has no label."""
RAMP = ("#7a4fb0", "#5b6cc4", "#3b86c0", "#2b9ca8", "#3cae86", "#7dbb5c", "#c2c03c")
"""From unsure to sure."""


def class_colour(position: int) -> str:
    """Colour of the class at `position`, as `#rrggbb`; neutral for a negative position.

    >>> class_colour(0), class_colour(12) == class_colour(0), class_colour(-1) == NEUTRAL
    ('#0968ba', True, True)
    """
    return NEUTRAL if position < 0 else PALETTE[position % len(PALETTE)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue, each 0 to 255, of `#rrggbb`.

    >>> rgb("#0968ba")
    (9, 104, 186)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
