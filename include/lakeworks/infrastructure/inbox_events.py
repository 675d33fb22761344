"""`inbox_events:` of lake.yml: dropped files start runs within seconds. Quick to import, because DAG files use it."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.project import current_project

_MOST_NAME = 80
_ARN = re.compile(r"arn:aws[a-z-]*:sqs:(?P<region>[a-z0-9-]+):(?P<account>\d+):(?P<name>.+)")
QueueName = Annotated[str, StringConstraints(pattern=r"^(arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d+:)?[A-Za-z0-9_-]{1,80}$")]


class InboxEvents(BaseModel):
    """The queue that S3 sends the events of new files in `inbox/` to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: QueueName | None = Field(
        None,
        description="Name of the SQS queue that bootstrap creates; default: `<bucket>-inbox`. Or the ARN of your own "
        "queue; it must accept messages of S3 and have no other reader.",
    )
    settle_seconds: float = Field(
        3, ge=0, le=25, description="Seconds without a new file of the period before its run begins."
    )

    @property
    def is_ours(self) -> bool:
        """Return True if bootstrap makes the queue."""
        return not (self.queue or "").startswith("arn:")

    def name(self, bucket: str) -> str:
        """Return the queue's name."""
        if not self.queue:
            return f"{bucket.replace('.', '-')}-inbox"[-_MOST_NAME:]
        return self.queue.rpartition(":")[2]

    @property
    def account(self) -> str | None:
        """The account of a queue that is named by its ARN."""
        match = _ARN.fullmatch(self.queue or "")
        return match["account"] if match else None

    @property
    def region(self) -> str | None:
        """The region of a queue that is named by its ARN; None for the lake's."""
        match = _ARN.fullmatch(self.queue or "")
        return match["region"] if match else None


def load_inbox_events(path: Path | None = None) -> InboxEvents | None:
    """Read this one field of the file at `path`, or of the project's `lake.yml`; None where it is off.

    Raises:
        ConfigError: the file cannot be read, or the field is wrong.
    """
    path = path or current_project().file
    with explained_file(f"`{path}`", "No run was started.", field_advice="Correct the file (docs/lake-yml.md)."):
        section = (read_yaml(path) or {}).get("inbox_events")
    with explained_file(
        f"`{path}`: inbox_events", "No run was started.", field_advice="Correct the file (docs/lake-yml.md)."
    ):
        return None if section is None else InboxEvents.model_validate(section)
