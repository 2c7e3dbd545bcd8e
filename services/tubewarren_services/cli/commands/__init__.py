"""The commands: each parses, calls and prints, and imports what it needs only when it runs."""
