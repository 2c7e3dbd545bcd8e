"""The sheet: where people keep their list and see how far it is; intake and mirror, never the queue."""
