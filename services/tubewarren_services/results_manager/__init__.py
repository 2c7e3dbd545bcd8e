"""The results-manager: files in place, the ledger, select and return."""
