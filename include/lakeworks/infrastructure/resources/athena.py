"""An Athena work group that fixes the place of results and the bytes a query may scan."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.aws_errors import error_code
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class WorkGroup(Resource):
    """`scan_limit_bytes` cancels a query that would scan more; the settings bind every client."""

    kind: ClassVar[str] = "athena work group"
    service: ClassVar[str] = "athena"
    results: str = ""
    scan_limit_bytes: int = 1024**3
    kms_key_id: str | None = None

    def desired(self) -> Document:
        """Return the settings that lakeworks fixes."""
        encryption = (
            {"EncryptionOption": "SSE_KMS", "KmsKey": self.kms_key_id}
            if self.kms_key_id
            else {"EncryptionOption": "SSE_S3"}
        )
        return {
            "Description": MADE_BY,
            "OutputLocation": self.results,
            "EncryptionConfiguration": encryption,
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": True,
            "BytesScannedCutoffPerQuery": self.scan_limit_bytes,
        }

    def read(self, client: Any) -> Document | None:
        """Return those settings as they are."""
        group = self._group(client)
        if group is None:
            return None
        configuration = group.get("Configuration", {})
        result = configuration.get("ResultConfiguration", {})
        return {
            "Description": group.get("Description", ""),
            "OutputLocation": result.get("OutputLocation", ""),
            "EncryptionConfiguration": result.get("EncryptionConfiguration", {}),
            **{
                key: configuration.get(key)
                for key in (
                    "EnforceWorkGroupConfiguration",
                    "PublishCloudWatchMetricsEnabled",
                    "BytesScannedCutoffPerQuery",
                )
            },
        }

    def conflict(self, current: Document) -> str:
        """Refuse a work group of that name without our mark: it may be another program's."""
        return (
            "" if current["Description"] == MADE_BY else "a work group of this name exists that bootstrap did not make"
        )

    def write(self, client: Any, target: Document) -> None:
        """Create or update it."""
        fixed = {key: value for key, value in target.items() if key in _FIXED}
        result = {key: target[key] for key in ("OutputLocation", "EncryptionConfiguration")}
        if self._group(client) is None:
            client.create_work_group(
                Name=self.name, Description=MADE_BY, Configuration={"ResultConfiguration": result, **fixed}
            )
        else:
            client.update_work_group(
                WorkGroup=self.name, ConfigurationUpdates={"ResultConfigurationUpdates": result, **fixed}
            )

    def _group(self, client: Any) -> Document | None:
        try:
            return client.get_work_group(WorkGroup=self.name).get("WorkGroup") or None
        except client.exceptions.InvalidRequestException as error:  # Athena has no "not found"
            if "not found" in str(error) and error_code(error) == "InvalidRequestException":
                return None
            raise


_FIXED = ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "BytesScannedCutoffPerQuery")
