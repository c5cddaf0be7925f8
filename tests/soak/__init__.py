"""Days of mail in minutes, with trouble on the way and workers that are killed at any moment."""
