"""Broken, hostile and enormous mails, made at random but the same for the same seed."""
