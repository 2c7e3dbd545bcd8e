"""`svc`: the system in a person's hands."""
