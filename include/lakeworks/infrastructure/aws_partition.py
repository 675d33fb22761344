"""AWS partitions: separate clouds, each with its own name in every ARN; and the location of a lake in one."""

from dataclasses import dataclass

from lakeworks.errors import ConfigError

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
# Other suffixes: of dual-stack addresses.
_DUAL_STACK = ("api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu")
# Region of Cost Explorer and Budgets, which are one for a partition. Source: botocore's endpoints. GovCloud has neither: its
# usage is billed through a standard account (AWS GovCloud User Guide, "Billing and Payment").
_BILLING_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-northwest-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-f": "us-isof-south-1",
}


def is_address_of_aws(host: str) -> bool:
    """Return True for the host of a service of AWS itself, in any partition."""
    return host.endswith(tuple(f".{suffix}" for suffix in ("amazonaws.com", *_SUFFIXES.values(), *_DUAL_STACK)))


def billing_region(region: str) -> str:
    """Return the region of Cost Explorer and Budgets for a lake's region.

    Raises:
        ConfigError: the partition has neither.
    """
    partition = partition_of(region)
    if partition not in _BILLING_REGIONS:
        raise ConfigError(
            f"Region {region} is in the partition {partition}, which has neither Cost Explorer nor Budgets. Nothing was read "
            "or changed. GovCloud is billed through a standard account: ask for costs with credentials and LAKE_REGION of that "
            "account, make the budget there, and leave `budget` out of lake.yml."
        )
    return _BILLING_REGIONS[partition]


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
