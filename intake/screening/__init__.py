"""May this mail be acknowledged, and was it written by a person? Pure rules in one table."""

from intake.screening.rules_file import (
    ScreeningRules,
    ScreeningRulesError,
    load_screening_rules,
    shipped_screening_rules,
)
from intake.screening.surroundings import Surroundings
from intake.screening.table import RULES, Rule, screen
from intake.screening.verdict import Screening, Verdict, unreadable

__all__ = [
    "RULES",
    "Rule",
    "Screening",
    "ScreeningRules",
    "ScreeningRulesError",
    "Surroundings",
    "Verdict",
    "load_screening_rules",
    "screen",
    "shipped_screening_rules",
    "unreadable",
]
