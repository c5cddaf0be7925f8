"""Addresses that no person reads, and mail without a sender (mail-rules: robots)."""

from intake.message import Message
from intake.screening.rules_file import RobotRules
from intake.screening.surroundings import Surroundings
from intake.screening.verdict import Screening, Verdict, unreadable, withheld

_LONGEST_LOCAL_PART = 64
_JOINTS = str.maketrans("-.", "__")


def nothing_readable(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when there is neither sender nor subject, text or attachment."""
    if message.sender or message.subject or message.attachments or message.text.strip():
        return None
    return unreadable()


def no_sender(message: Message, _surroundings: Surroundings) -> Screening | None:
    """Hit when nobody could be answered; what it says may still need a person."""
    if message.sender is not None and message.sender.email:
        return None
    return withheld(
        Verdict.ROBOT, "no-sender", "It names no sender, so there is nobody to write back to."
    )


def robot_address(message: Message, surroundings: Surroundings) -> Screening | None:
    """Hit on senders such as noreply@: answers go nowhere, or to another robot."""
    if not is_robot(message, surroundings.rules.robots):
        return None
    return withheld(
        Verdict.ROBOT, "robot-address", "The sender's address is one that no person reads."
    )


def is_robot(message: Message, rules: RobotRules) -> bool:
    """Return whether the sender's address belongs to a program."""
    return message.sender is not None and is_robot_local_part(message.sender.local_part, rules)


def is_robot_local_part(local_part: str, rules: RobotRules) -> bool:
    """Return whether what stands before the @ (lower-cased) is a program's name."""
    base = local_part.partition("+")[0][:_LONGEST_LOCAL_PART]
    if base in rules.local_parts or local_part.startswith(rules.prefixes):
        return True
    return base.endswith(rules.suffixes) or _has_marker(base, rules)


def _has_marker(base: str, rules: RobotRules) -> bool:
    if base.isalnum():
        return base in rules.squashed or base.startswith(rules.markers)
    words = base.translate(_JOINTS).split("_")
    if "".join(words) in rules.squashed:
        return True
    return any("".join(words[start:]).startswith(rules.markers) for start in range(len(words)))
