"""Airflow's description of this package: `airflow providers list` shows it, and its connection types have forms."""

from importlib.metadata import version
from typing import Any

# Literal names, so that reading it imports neither hooks nor operators.
_HOOKS = {
    "alpha_vantage": "AlphaVantageHook",
    "coingecko": "CoinGeckoHook",
    "file_drop": "FileDropHook",
    "nyc_tlc": "NycTlcHook",
    "sec": "SecHook",
    "shopify": "ShopifyHook",
    "yahoo": "YahooHook",
}
_OPERATORS = (
    "approval.approve",
    "arrivals",
    "athena",
    "bootstrap",
    "costs",
    "coverage",
    "crawlers",
    "expiry",
    "freshness",
    "load",
    "maintenance",
    "restoration",
    "steps",
    "tenants",
)


def provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "lakeworks",
        "name": "Lakeworks",
        "description": "A medallion data lake on S3: atomic partition publishing, contracts, quarantine.",
        "versions": [version("lakeworks")],
        "integrations": [
            {
                "integration-name": "Lakeworks",
                "external-doc-url": "https://pypi.org/project/lakeworks",
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": "Lakeworks",
                "python-modules": [f"lakeworks_airflow.operators.{name}" for name in _OPERATORS],
            }
        ],
        "hooks": [{"integration-name": "Lakeworks", "python-modules": ["lakeworks_airflow.hooks"]}],
        "connection-types": [
            {"connection-type": kind, "hook-class-name": f"lakeworks_airflow.hooks.{name}"}
            for kind, name in _HOOKS.items()
        ],
        "extra-links": [
            f"lakeworks_airflow.ui_links.{name}" for name in ("DataLink", "AuditReportLink", "ApprovalPageLink")
        ],
    }
