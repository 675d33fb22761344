"""CloudFront over a folder of exports: an origin access control that signs, and a distribution that may only read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.aws_partition import LakeLocation, dns_suffix
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.readers.delivery import CloudFront
from lakeworks.infrastructure.resource import Document, Resource

# AWS's own policy `CachingOptimized`: no cookies, headers or queries reach S3.
_CACHING = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_METHODS = ["GET", "HEAD"]
# Settings that a cache policy replaces; AWS refuses both together.
_BESIDE_A_POLICY = ("ForwardedValues", "MinTTL", "DefaultTTL", "MaxTTL")


@dataclass(frozen=True)
class OriginAccessControl(Resource):
    """The identity by which CloudFront signs its reads of S3. The older origin access identity knows no KMS."""

    kind: ClassVar[str] = "origin access control"
    service: ClassVar[str] = "cloudfront"

    def desired(self) -> Document:
        """Return its settings."""
        return {
            "Description": MADE_BY,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }

    def read(self, client: Any) -> Document | None:
        """Return those settings as they are."""
        found = _control(client, self.name)
        return {key: found.get(key, "") for key in self.desired()} if found else None

    def conflict(self, current: Document) -> str:
        """Refuse another program's."""
        if current["Description"] == MADE_BY:
            return ""
        return "an origin access control of this name exists that bootstrap did not make"

    def write(self, client: Any, target: Document) -> None:
        """Create or update it."""
        config = {"Name": self.name, **target}
        found = _control(client, self.name)
        if found is None:
            client.create_origin_access_control(OriginAccessControlConfig=config)
            return
        etag = client.get_origin_access_control(Id=found["Id"])["ETag"]
        client.update_origin_access_control(Id=found["Id"], IfMatch=etag, OriginAccessControlConfig=config)


@dataclass(frozen=True)
class Distribution(Resource):
    """HTTPS only, GET and HEAD only, from the folder alone; found again by its comment, because it has no name."""

    kind: ClassVar[str] = "distribution"
    service: ClassVar[str] = "cloudfront"
    bucket: str = ""
    bucket_region: str = ""
    prefix: str = ""
    price_class: str = ""

    def desired(self) -> Document:
        """Return what lakeworks fixes of it."""
        return {
            "Comment": f"{MADE_BY}: {self.name}",
            "Enabled": True,
            "Origin": f"{self.bucket}.s3.{self.bucket_region}.{dns_suffix(self.bucket_region)}",
            "OriginPath": f"/{self.prefix.rstrip('/')}",
            "OriginAccessControl": self.name,
            "ViewerProtocolPolicy": "redirect-to-https",
            "AllowedMethods": _METHODS,
            "CachePolicyId": _CACHING,
            "PriceClass": self.price_class,
        }

    def read(self, client: Any) -> Document | None:
        """Return the same of the distribution that is there."""
        found = self._found(client)
        if found is None:
            return None
        config = client.get_distribution_config(Id=found["Id"])["DistributionConfig"]
        origin = config["Origins"]["Items"][0]
        behaviour = config["DefaultCacheBehavior"]
        control = next((item for item in _controls(client) if item["Id"] == origin.get("OriginAccessControlId")), {})
        return {
            "Comment": config.get("Comment", ""),
            "Enabled": config.get("Enabled", False),
            "Origin": origin.get("DomainName", ""),
            "OriginPath": origin.get("OriginPath", ""),
            "OriginAccessControl": control.get("Name", ""),
            "ViewerProtocolPolicy": behaviour.get("ViewerProtocolPolicy", ""),
            "AllowedMethods": sorted(behaviour.get("AllowedMethods", {}).get("Items", [])),
            "CachePolicyId": behaviour.get("CachePolicyId", ""),
            "PriceClass": config.get("PriceClass", ""),
        }

    def arn(self, client: Any) -> str | None:
        """Return the ARN of the distribution that is there: AWS chooses its id."""
        found = self._found(client)
        return str(found["ARN"]) if found else None

    def write(self, client: Any, target: Document) -> None:
        """Create it, or set these settings and keep all others (aliases, certificate, firewall)."""
        control = _control(client, self.name)
        fixed = self._config(target, control["Id"] if control else "")
        found = self._found(client)
        if found is None:
            client.create_distribution(DistributionConfig={"CallerReference": self.name, **fixed})
            return
        current = client.get_distribution_config(Id=found["Id"])
        config = _merged(current["DistributionConfig"], fixed)
        client.update_distribution(Id=found["Id"], IfMatch=current["ETag"], DistributionConfig=config)

    def notes(self, current: Document) -> list[str]:
        """Say who can read it."""
        readers = f"everyone on the internet can read s3://{self.bucket}/{self.prefix} through this distribution"
        return [readers] if current else [readers, "the bucket's policy names it as soon as it exists"]

    def _config(self, target: Document, control: str) -> Document:
        origin = {
            "Id": "exports",
            "DomainName": target["Origin"],
            "OriginPath": target["OriginPath"],
            "OriginAccessControlId": control,
            "S3OriginConfig": {"OriginAccessIdentity": ""},
            "CustomHeaders": {"Quantity": 0},
        }
        methods = {"Quantity": len(_METHODS), "Items": _METHODS}
        behaviour = {
            "TargetOriginId": "exports",
            "ViewerProtocolPolicy": target["ViewerProtocolPolicy"],
            "AllowedMethods": {**methods, "CachedMethods": methods},
            "CachePolicyId": target["CachePolicyId"],
            "Compress": True,
        }
        return {
            "Comment": target["Comment"],
            "Enabled": target["Enabled"],
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behaviour,
            "PriceClass": target["PriceClass"],
        }

    def _found(self, client: Any) -> Document | None:
        pages = client.get_paginator("list_distributions").paginate()
        listed = (item for page in pages for item in page["DistributionList"].get("Items", []))
        return next((item for item in listed if item.get("Comment") == self.desired()["Comment"]), None)


def desired_distribution(place: LakeLocation, wish: CloudFront | None) -> Distribution | None:
    """Return the distribution over the exports, if lake.yml asks for one."""
    if wish is None:
        return None
    return Distribution(f"{place.bucket}-exports", place.bucket, place.region, wish.prefix, wish.price_class)


def _merged(current: Document, fixed: Document) -> Document:
    """Set our settings: AWS takes a whole configuration, in which a part that is left out is reset."""
    behaviour = {key: value for key, value in current["DefaultCacheBehavior"].items() if key not in _BESIDE_A_POLICY}
    origin = {**current["Origins"]["Items"][0], **fixed["Origins"]["Items"][0]}
    merged = {
        "DefaultCacheBehavior": {**behaviour, **fixed["DefaultCacheBehavior"]},
        "Origins": {"Quantity": 1, "Items": [origin]},
    }
    return {**current, **fixed, **merged}


def _control(client: Any, name: str) -> Document | None:
    return next((item for item in _controls(client) if item["Name"] == name), None)


def _controls(client: Any) -> Iterator[Document]:
    marker: Document = {}
    while True:
        page = client.list_origin_access_controls(**marker)["OriginAccessControlList"]
        yield from page.get("Items", [])
        if not page.get("IsTruncated"):
            return
        marker = {"Marker": page["NextMarker"]}
