"""Tests of the top floor: the tracker, the people, and what starts a process."""
