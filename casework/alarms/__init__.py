"""Alarms: those who run Kith are told what is wrong, once, and told again when it is over."""

from casework.alarms.bell import AlarmBell, Rung
from casework.alarms.book import Ring, RingState
from casework.alarms.letter import Sender
from casework.alarms.telling import Operators

__all__ = ["AlarmBell", "Operators", "Ring", "RingState", "Rung", "Sender"]
