"""The demo: Kith at work on one machine, with pretend mail servers and invented people."""
