"""A boto3 S3 client whose requests can be delayed beyond the life of the process that sent them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


class Killed(BaseException):
    """A SIGKILL: no code of ours may catch it."""


@dataclass
class DelayedClient:
    """Delays a request: the process that sent it is killed there, and the request arrives later."""

    client: Any
    delayed: tuple[str, dict[str, Any]] | None = None
    _wanted: tuple[str, str] = ("", "")
    _before: dict[tuple[str, str], Callable[[], object]] = field(default_factory=dict)

    def delay(self, operation: str, key: str) -> None:
        """Choose the next request of `operation` whose key contains `key`."""
        self._wanted = (operation, key)

    def before(self, operation: str, key: str, act: Callable[[], object]) -> None:
        """Do something once, right before the next such request is sent."""
        self._before[operation, key] = act

    def arrive(self) -> str:
        """Let the delayed request arrive; return the code S3 refuses it with, empty if it took effect."""
        assert self.delayed, "no request was delayed"
        operation, arguments = self.delayed
        try:
            getattr(self.client, operation)(**arguments)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)

        def send(*args: Any, **arguments: Any) -> Any:
            key = str(arguments.get("Key", arguments.get("Delete", "")))
            for (operation, part), act in list(self._before.items()):
                if operation == name and part in key:
                    del self._before[operation, part]
                    act()
            if name == self._wanted[0] and self._wanted[1] in key:
                self._wanted, self.delayed = ("", ""), (name, arguments)
                raise Killed(name)
            return found(*args, **arguments)

        return send if name.startswith(("put_", "delete_", "head_", "get_object", "complete_")) else found
