"""`make bench`: the journey of many mails, measured beside its floor in the same run."""
