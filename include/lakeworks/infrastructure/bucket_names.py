"""Names: S3's rules for bucket names, the names of our buckets and crawlers, and the marks of what bootstrap made."""

import re

from lakeworks.errors import ConfigError

# Prefix of our entries in a shared document (rule, notification, configuration).
OURS = "lakeworks-"
# Policy statement ids take letters and digits only.
OUR_SID = "Lakeworks"
# Start of the description of resources outside buckets (work group, alarm, crawler).
MADE_BY = "Made by lakeworks bootstrap"

_CRAWLER = re.compile(rf"{OURS}[a-z0-9][a-z0-9-]*")


def crawler_name(name: str) -> str:
    """Return the name in Glue of a crawler of lake.yml."""
    return f"{OURS}{name}"


def check_crawler_name(name: str) -> None:
    """Refuse a name that no printed policy opens: the crawler may belong to another program, and it would be rewritten.

    Raises:
        ConfigError: the name is not `lakeworks-<name>`; nothing was started.
    """
    if not _CRAWLER.fullmatch(name):
        raise ConfigError(
            f"`{name}` is no crawler of the lake. In Glue their names are `{OURS}<name>`, in lower case, and `lakeworks "
            f"policy --for crawl` opens no other. Nothing was started. Name it `{OURS}<name>`, with `<name>` under `crawlers` "
            "in lake.yml."
        )


def check_bucket_name(name: str, where: str = "LAKE_BUCKET") -> None:
    """Refuse names S3 would refuse (Amazon S3 user guide, general purpose bucket naming rules).

    Raises:
        ConfigError: naming the broken rule and the setting to correct.
    """
    rules = {
        "it must have 3 to 63 characters": 3 <= len(name) <= 63,
        "it may hold lower-case letters, digits, hyphens and dots only": bool(re.fullmatch(r"[a-z0-9.-]*", name)),
        "it must begin and end with a letter or digit": bool(re.fullmatch(r"[a-z0-9](.*[a-z0-9])?", name, re.DOTALL)),
        "two dots must not follow each other": ".." not in name,
        "it must not look like an IP address": not re.fullmatch(r"\d+(\.\d+){3}", name),
        "its prefix or suffix is reserved": not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")),
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise ConfigError(f"`{name}` is not a bucket name: {broken[0]}. Nothing was created. Correct {where}.")


def bucket_name(project: str, environment: str, purpose: str, unique: str | None) -> str:
    """Return `{project}-{environment}-{purpose}-{unique}`, checked. Names are global; the last part makes them free.

    Raises:
        ConfigError: there is no unique part, or the parts do not make a bucket name.
    """
    if not unique:
        raise ConfigError(
            f"The bucket for {purpose} needs a unique name, and AWS did not return the account's number. Nothing "
            "was created. Set `unique` in lake.yml, e.g. eight random hex digits."
        )
    name = "-".join((project, environment, purpose, unique)).lower().replace("_", "-")
    check_bucket_name(name, "`project`, `environment` or `unique` in lake.yml")
    return name
