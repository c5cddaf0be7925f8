"""The base of every error that Kith raises on purpose."""


class KithError(Exception):
    """Something went wrong that a person can understand; `str()` is a sentence with the remedy."""
