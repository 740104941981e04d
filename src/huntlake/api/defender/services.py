"""What Defender's face needs of the services behind it."""

from __future__ import annotations

from typing import Protocol

from huntlake.api.services import Services
from huntlake.detection.service import Detection
from huntlake.playbooks.machine_actions import MachineActions


class DefenderServices(Services, Protocol):
    """The services that the face shows."""

    @property
    def detection(self) -> Detection: ...
    @property
    def machine_actions(self) -> MachineActions: ...
