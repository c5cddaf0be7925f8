"""Mails that may be dangerous to read are judged apart, in a process that can be killed.

Import its rooms by name: the child is quicker to start when it brings in none but its own.
"""
