"""What a benchmark consists of. Imported in the product's environment and in the peers', so it needs neither."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "testtest"}
REGION = "us-east-1"


@dataclass(frozen=True)
class Place:
    """Where one sample finds its input and puts its output."""

    data: str
    endpoint: str
    bucket: str
    prefix: str
    scratch: str
    glue: str = ""
    postgres: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The `s3://` address the sample writes below."""
        return f"s3://{self.bucket}/{self.prefix}"

    def path(self, name: str) -> Path:
        """One of the generated input files."""
        return Path(self.data) / name

    def client(self, service: str = "s3", connections: int = 32, **config: Any) -> Any:
        """A boto3 client of the endpoint."""
        import boto3
        from botocore.config import Config

        settings = Config(s3={"addressing_style": "path"}, max_pool_connections=connections, **config)
        url = self.glue if service == "glue" else self.endpoint
        return boto3.client(service, endpoint_url=url, region_name=REGION, config=settings, **KEYS)

    def as_dict(self) -> dict[str, Any]:
        """For the command line of a sample."""
        return asdict(self)


# Prepares (not timed) and returns the timed step; the step may return facts to show.
Contestant = Callable[[Place], Callable[[], Any]]


@dataclass(frozen=True)
class Entry:
    """One contestant: the function, whose environment it runs in, what a reader should know."""

    run: Contestant
    peer: bool = False
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One benchmark; the ratios in its table are relative to `ours`. `endpoint`: seaweed, ministack, moto, glue or none."""

    name: str
    title: str
    entries: Mapping[str, Entry]
    data: str
    endpoint: str = "seaweed"
    ours: str = "lakeworks"
    options: Mapping[str, Any] = field(default_factory=dict)
    # Times the usual number of input rows.
    scale: int = 1
    # How many partition folders a right answer leaves; None for a step that leaves no objects to count.
    partitions: int | None = None
