"""The ground floor: what we were told."""
