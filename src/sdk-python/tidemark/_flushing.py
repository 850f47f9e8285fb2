"""What one flush waits for: the events that were offered before it, and none that come later."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._delivery import Delivery
    from ._frame import Frame


class Flushing:
    """Every method is called with the delivery's lock held."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        #: So many events are to be packed before the frames to wait for are known.
        self._packed = delivery.taken + delivery.open_events
        self._frames: deque[Frame] | None = None

    def is_over(self) -> bool:
        """True also when nothing works on it: no thread, or a collector that refuses."""
        delivery, frames = self._delivery, self._frames
        if frames is None:
            if delivery.taken < self._packed and not delivery.is_full():
                delivery.seal_all()
            if delivery.taken < self._packed:
                return not delivery.works()
            frames = self._frames = delivery.frames()
            if frames:
                delivery.start()
        while frames and frames[0].settled:
            frames.popleft()
        return not frames or not delivery.works()
