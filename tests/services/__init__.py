"""Real servers for the tests: private, on 127.0.0.1, started and stopped by the tests alone."""
