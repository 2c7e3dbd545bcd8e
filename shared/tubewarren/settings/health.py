"""Where a service tells how it is."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from tubewarren.health.address import Address, read_address


def _usable_address(value: str) -> str:
    if value:
        read_address(value)
    return value


class HealthSettings(BaseModel):
    """Where each process answers `GET /live` and `GET /ready`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Annotated[str, AfterValidator(_usable_address)] = ""
    """Such as `127.0.0.1:8080`, or `0.0.0.0:8080` in a container; empty for nowhere. Each process needs a port of its
    own: `svc up` counts up from this one."""

    @property
    def address(self) -> Address | None:
        """Host and port; None when nobody shall be told."""
        return read_address(self.listen) if self.listen else None
