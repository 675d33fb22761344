"""Airflow connection types of the library's sources, each with a form for the options that its client reads.

The id of a connection is the name of its source. The host may name another address than the vendor's own.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from airflow.sdk import BaseHook


class SourceHook(BaseHook):
    """Form of a source's connection; `extras` are the fields of its extra, each with the help shown beside it."""

    conn_name_attr: ClassVar[str] = "source_conn_id"
    default_conn_name: ClassVar[str] = ""
    conn_type: ClassVar[str] = ""
    hook_name: ClassVar[str] = ""
    key_label: ClassVar[str | None] = None
    extras: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import StringField

        return {
            name: StringField(
                lazy_gettext(name.replace("_", " ").capitalize()), widget=BS3TextFieldWidget(), description=text
            )
            for name, text in cls.extras.items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the standard fields to hide and to rename."""
        hidden = ["login", "schema", "port", "extra"] + ([] if cls.key_label else ["password"])
        renamed = {"host": "Address (empty: the vendor's own)", "password": cls.key_label or "Password"}
        return {"hidden_fields": hidden, "relabeling": renamed, "placeholders": {}}


class AlphaVantageHook(SourceHook):
    """Alpha Vantage."""

    default_conn_name = conn_type = "alpha_vantage"
    hook_name = "Alpha Vantage (Lakeworks)"
    key_label = "API key"
    extras: ClassVar[Mapping[str, str]] = {
        "profile": "free or premium",
        "requests_per_minute": "Of a premium plan: 75 to 1200.",
    }


class CoinGeckoHook(SourceHook):
    """CoinGecko."""

    default_conn_name = conn_type = "coingecko"
    hook_name = "CoinGecko (Lakeworks)"
    key_label = "API key"
    extras: ClassVar[Mapping[str, str]] = {"profile": "demo or pro"}


class FileDropHook(SourceHook):
    """A folder in which others drop files."""

    default_conn_name = conn_type = "file_drop"
    hook_name = "File drop (Lakeworks)"


class NycTlcHook(SourceHook):
    """NYC Taxi and Limousine Commission."""

    default_conn_name = conn_type = "nyc_tlc"
    hook_name = "NYC TLC trip records (Lakeworks)"


class SecHook(SourceHook):
    """SEC EDGAR."""

    default_conn_name = conn_type = "sec"
    hook_name = "SEC EDGAR (Lakeworks)"
    extras: ClassVar[Mapping[str, str]] = {
        "user_agent": "Name and e-mail address; the SEC refuses requests without them."
    }


class ShopifyHook(SourceHook):
    """Shopify Admin API."""

    default_conn_name = conn_type = "shopify"
    hook_name = "Shopify (Lakeworks)"
    key_label = "Access token"
    extras: ClassVar[Mapping[str, str]] = {
        "plan": "basic, advanced or plus: decides the rate limit",
        "read_all_orders": "true if the app may read orders older than 60 days",
        "api_version": "For example 2026-07.",
    }


class YahooHook(SourceHook):
    """Yahoo Finance."""

    default_conn_name = conn_type = "yahoo"
    hook_name = "Yahoo Finance (Lakeworks)"
    extras: ClassVar[Mapping[str, str]] = {"accept_terms": "true: you accept Yahoo's terms of use"}


HOOKS = (AlphaVantageHook, CoinGeckoHook, FileDropHook, NycTlcHook, SecHook, ShopifyHook, YahooHook)
