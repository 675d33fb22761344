"""AWS partitions: separate clouds, each with its own name in every ARN; and the location of a lake in one."""

from dataclasses import dataclass

_BY_PREFIX = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}
# Suffix of the addresses of AWS's services, where it is not amazonaws.com.
_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}


def dns_suffix(region: str) -> str:
    """Return the suffix of addresses in a region: `amazonaws.com`, in China `amazonaws.com.cn`."""
    return _SUFFIXES.get(partition_of(region), "amazonaws.com")


def partition_of(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-cn`, `aws-us-gov` and others. botocore's list takes longer to load."""
    return next((name for prefix, name in _BY_PREFIX.items() if region.startswith(prefix)), "aws")


@dataclass(frozen=True)
class LakeLocation:
    """The lake's bucket, region and account. `account` is None if the endpoint has no STS; `secure` is true for TLS."""

    bucket: str
    region: str
    account: str | None = None
    secure: bool = True

    @property
    def partition(self) -> str:
        """Return the partition in every ARN: buckets of China and GovCloud refuse policies with others."""
        return partition_of(self.region)
