"""Is somebody in danger? Scanned on all text, before and apart from what the mail is about."""

from intake.risk.judgement import (
    COULD_NOT_CHECK,
    KeyDate,
    Risk,
    RiskLevel,
    could_not_check,
)
from intake.risk.rules import RiskRules, RiskRulesError, load_risk_rules, shipped_risk_rules
from intake.risk.scan import scan_risk

__all__ = [
    "COULD_NOT_CHECK",
    "KeyDate",
    "Risk",
    "RiskLevel",
    "RiskRules",
    "RiskRulesError",
    "could_not_check",
    "load_risk_rules",
    "scan_risk",
    "shipped_risk_rules",
]
