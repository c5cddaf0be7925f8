"""Parsing: from the bytes of a mail to a `Message` that says what a person would read."""

from intake.parsing.parse import UnreadableMailError, attachment_bytes, parse_message

__all__ = ["UnreadableMailError", "attachment_bytes", "parse_message"]
