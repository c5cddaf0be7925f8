"""The second floor: from a decision to an email that has left."""
