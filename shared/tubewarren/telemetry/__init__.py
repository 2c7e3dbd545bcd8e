"""How the system can be watched: traces, and logs that carry their trace."""
