"""Check of a Firehose delivery: it is there and active."""

from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.errors import LakeNotFound


def delivery(firehose: Any, name: str) -> Diagnosis:
    """Return whether a delivery stream works.

    Raises:
        LakeAccessDenied, LakeUnavailable: it could not be asked.
    """
    try:
        with translated("look at the delivery stream", name):
            found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    except LakeNotFound:
        return Diagnosis("failure", f"there is no delivery stream `{name}`", "Run `lakeworks bootstrap`: it makes it.")
    state = str(found["DeliveryStreamStatus"])
    if state == "ACTIVE":
        return Diagnosis("ok", f"`{name}` is active", unproven="that its role may read the stream and write the inbox")
    details = found.get("FailureDescription", {}).get("Details", "")
    return Diagnosis(
        "failure",
        f"`{name}` is in state {state}{f': {details}' if details else ''}",
        "Give its role `lakeworks policy --for delivery`, and look at the CloudWatch metric DeliveryToS3.Success.",
    )
