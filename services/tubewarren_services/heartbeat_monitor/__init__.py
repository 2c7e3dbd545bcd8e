"""heartbeat-monitor: turns the beats of all workers into who is alive, stale, lost, stopped or unfit."""
