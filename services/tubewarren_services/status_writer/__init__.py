"""status-writer: mirrors what the events say into the person's workbook."""
