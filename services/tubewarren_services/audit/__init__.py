"""The audit: whether sheet, ledger, files and queues tell the same, and what would mend it where they do not."""
