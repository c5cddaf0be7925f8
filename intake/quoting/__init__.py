"""Quotes, forwards and signatures: marked and never cut.

Line by line, in linear time. When in doubt a line stays unmarked: showing a quote twice is a
nuisance, hiding a sentence about a child is not.
"""

from intake.quoting.marking import find_marks, new_text

__all__ = ["find_marks", "new_text"]
