"""The tests mirror the floors file for file."""
