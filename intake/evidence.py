"""A stretch of a message that carried a decision."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The characters `start` to `end` of `Message.text`, and what they speak for.

    `start` and `end` are -1 where the words stand elsewhere (subject, attachment).
    """

    label: str
    text: str
    start: int
    end: int
