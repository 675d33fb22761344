"""One bucket per layer: send every request for a layer's keys to that layer's bucket.

Keys stay unchanged (`silver/transport/trips/…`), so no other code has to know. The S3 client itself does the routing,
so no caller can forget it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakeworks.errors import ConfigError


@dataclass(frozen=True)
class LayerBuckets:
    """The lake's bucket, and the layers that have their own bucket."""

    bucket: str
    by_layer: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """Return the bucket of a key or prefix: its first part is the layer."""
        return self.by_layer.get(key.split("/", 1)[0], self.bucket)

    def route(self, client: Any) -> Any:
        """Make a boto3 S3 client send each request to the right bucket. Return the client."""
        if self.by_layer:
            client.meta.events.register("provide-client-params.s3", self._routed, unique_id=f"layers-{self.bucket}")
        return client

    def _routed(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        if params.get("Bucket") != self.bucket:
            return params
        routed = {**params, "Bucket": self._of_request(params)}
        origin = params.get("CopySource")
        if isinstance(origin, dict) and origin.get("Bucket") == self.bucket:
            routed["CopySource"] = {**origin, "Bucket": self.of(origin["Key"])}
        return routed

    def _of_request(self, params: Mapping[str, Any]) -> str:
        if "Delete" not in params:
            return self.of(params.get("Key") or params.get("Prefix") or "")
        buckets = {self.of(item["Key"]) for item in params["Delete"]["Objects"]}
        if len(buckets) > 1:
            raise ConfigError(
                f"One delete names keys of several buckets ({', '.join(sorted(buckets))}). Nothing was deleted. "
                "Delete layer by layer."
            )
        return buckets.pop() if buckets else self.bucket
