"""How the system can be watched: traces and metrics by OpenTelemetry, and logs that carry their trace.

`telemetry` is what all others call, and costs nothing while nobody listens; `otlp` and `sampling` alone know the SDK.
"""
