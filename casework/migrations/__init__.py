"""How an existing database is brought up to date; configured in code, no ini file."""
