"""The top floor: the tracker, the people, and everything that starts a process."""
