"""What is told of the work by OpenTelemetry."""

from pydantic import BaseModel, ConfigDict, Field


class TelemetrySettings(BaseModel):
    """What goes to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; nothing without one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: float = Field(default=1.0, ge=0, le=1)
    """The share of traces that are sent, such as `0.1`. What fails is always sent, and so is what comes after it."""
