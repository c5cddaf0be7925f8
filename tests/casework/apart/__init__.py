"""Mails judged apart."""
