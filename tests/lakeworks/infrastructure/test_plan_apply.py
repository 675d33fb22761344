"""A plan reads its settings side by side, a bounded number of them, and keeps their order."""

import threading
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.plan_apply import plan
from lakeworks.infrastructure.resource import Document, Resource
from tests.conftest import client

TOGETHER = 8


class Meeting:
    """Meeting point: readers go on when eight are there. It counts the most that were there at once."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(TOGETHER, timeout=20)
        self.lock = threading.Lock()
        self.here = self.most = 0

    def attend(self) -> None:
        with self.lock:
            self.here += 1
            self.most = max(self.most, self.here)
        self.barrier.wait()
        with self.lock:
            self.here -= 1


@dataclass(frozen=True)
class SlowSetting(Resource):
    """A setting whose reading ends only while seven others are read."""

    kind: ClassVar[str] = "slow"
    meeting: Meeting

    def desired(self) -> Document:
        return {"a": 1}

    def read(self, client: Any) -> Document | None:
        self.meeting.attend()
        if self.name == "9":
            raise LakeUnavailable("no answer")
        return {"a": 1}

    def write(self, client: Any, target: Document) -> None:
        raise AssertionError("a plan only reads")


def test_a_plan_reads_eight_settings_at_once_in_their_order() -> None:
    meeting, s3 = Meeting(), client("s3", "http://127.0.0.1:1")
    names = [str(number) for number in range(2 * TOGETHER)]
    changes = plan([SlowSetting(name, meeting) for name in names], lambda service, region=None: s3)
    assert [change.name for change in changes] == names
    assert [change.name for change in changes if change.outcome == "failed"] == ["9"]
    assert meeting.most == TOGETHER
