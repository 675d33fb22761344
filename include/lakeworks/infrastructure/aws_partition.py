"""AWS partitions: separate clouds, each with its own name in every ARN."""

_BY_PREFIX = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-cn`, `aws-us-gov` and others. botocore's list takes longer to load."""
    return next((name for prefix, name in _BY_PREFIX.items() if region.startswith(prefix)), "aws")
