"""Write .env for docker-compose from .env.example, with fresh secrets: `make env [PROFILE=aws]`. Needs nothing but Python."""

import base64
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECRETS: dict[str, Callable[[], str]] = {
    "LAKE_PII_SALT": lambda: secrets.token_hex(32),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(16),
    "AIRFLOW_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(12),
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_hex(48),
    "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_hex(32),
    "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}


# What the stand-ins need: their profile, their addresses, their keys.
STAND_INS = re.compile(r"^(COMPOSE_PROFILES|AWS_REQUEST_CHECKSUM_CALCULATION|AIRFLOW_CONN_\w+)=")


def filled(example: str, profile: str = "local") -> str:
    """The example with every empty secret made up; for `aws` without what the stand-ins need."""
    lines = example.splitlines()
    if profile == "aws":
        lines = [f"# {line}" if STAND_INS.match(line) else line for line in lines]
    return "\n".join(f"{line}{SECRETS[line[:-1]]()}" if line[:-1] in SECRETS else line for line in lines) + "\n"


def main(target: Path, profile: str = "local") -> int:
    """Write the file, readable by its owner only; an existing one is left alone."""
    if profile not in ("local", "aws"):
        sys.stderr.write(f"`{profile}` is no profile: it is `local` (stand-ins) or `aws`. Nothing was written.\n")
        return 2
    text = filled((ROOT / ".env.example").read_text(), profile)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(
            f"`{target}` exists and was left alone. Remove it to get new secrets (connections are entered again then).\n"
        )
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    sys.stdout.write(f"wrote {target}; log in as admin with its AIRFLOW_ADMIN_PASSWORD\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(ROOT / ".env", *sys.argv[1:]))
