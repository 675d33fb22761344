"""The desired state as a CloudFormation template or a Terraform configuration."""

from collections.abc import Sequence
from typing import Literal

from lakeworks.infrastructure.export.cloudformation import template
from lakeworks.infrastructure.export.terraform import configuration
from lakeworks.infrastructure.resource import Document, Resource

Language = Literal["cloudformation", "terraform"]


def exported(resources: Sequence[Resource], language: Language, region: str) -> Document:
    """Return a CloudFormation template or a Terraform configuration (JSON) of everything either can express."""
    return template(resources) if language == "cloudformation" else configuration(resources, region)
