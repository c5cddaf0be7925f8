"""A little world around Kith: who writes to it, what arrives there, and what must hold of both."""
