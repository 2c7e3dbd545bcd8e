"""sheet-ingestor: reads the person's list and orders the expansion of every source in it."""
