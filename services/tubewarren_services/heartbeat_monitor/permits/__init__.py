"""Who may start what, and when: egresses that sleep or are paced, a breaker for each stage, and what people paused."""
