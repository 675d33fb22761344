"""Environment variables that all processes of the stack share."""

import json
import os
import secrets
import shlex
import sys
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from lakeworks_local.replay.shopify import TOKEN
from lakeworks_local.stack.postgres import SERVED

LOGIN = ("admin", "lakeworks")
BUCKET = "lakeworks-demo"
LOCAL_CONFIG = "local.yml"


@dataclass(frozen=True)
class Addresses:
    """Addresses of the stack's parts."""

    postgres: str
    aws: str
    replay: str
    airflow_port: int

    @property
    def served(self) -> str:
        """The database of the tables that the lake serves, on the same PostgreSQL; it listens on a socket file only."""
        return f"postgresql://postgres@/{SERVED}?{self.postgres.partition('?')[2]}"

    @property
    def airflow(self) -> str:
        """The Airflow UI and API."""
        return f"http://127.0.0.1:{self.airflow_port}"


def base_environment() -> dict[str, str]:
    """Return the caller's environment without variables that would change the stack, with this interpreter's commands first."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "LAKE_", "AWS_"))}
    # Nothing of the stack is behind a proxy.
    direct = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost"]))
    kept |= {"NO_PROXY": direct, "no_proxy": direct}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}", "PYTHONUNBUFFERED": "1"}


def stack_environment(folder: Path, root: Path, at: Addresses) -> dict[str, str]:
    """Return what Airflow, its tasks and the command line of the project at `root` need to work on the stack."""
    home = folder / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "airflow_local_settings.py").write_text(
        "from lakeworks_airflow.warm_imports import preload\n\npreload()\n"
    )
    passwords = home / "passwords.json"
    write_private(passwords, json.dumps(dict([LOGIN])))
    return {
        **kept_secrets(folder),
        **aws_environment(at.aws),
        "LAKE_PROJECT": str(root),
        **local_config(root),
        "LAKE_BUCKET": BUCKET,
        "LAKE_PII_SALT": "demo: no one is in the sample data",  # in a deployment this is a secret
        "LAKE_SERVING_URL": at.served,
        "LAKE_SCRATCH_DIR": str(folder / "scratch"),
        "LAKE_AIRFLOW_URL": f"http://{LOGIN[0]}:{LOGIN[1]}@127.0.0.1:{at.airflow_port}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(_aws_connection(at.aws)),
        **source_connections(at.replay),
        "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{at.airflow}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN[0]}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": at.postgres,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(at.airflow_port),
        "AIRFLOW__API__BASE_URL": at.airflow,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "GX_ANALYTICS_ENABLED": "False",
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",  # lakeworks sends its own lineage events, with columns and row counts
        "LAKE_LINEAGE_URL": f"file:{folder / 'lineage'}",
    }


def local_config(root: Path) -> dict[str, str]:
    """Return the lake.yml of the local stack, if the project has one: what costs money on AWS and is free here."""
    config = root / "include" / "lake" / LOCAL_CONFIG
    return {"LAKE_CONFIG_FILE": str(config)} if config.is_file() else {}


def source_connections(replay: str) -> dict[str, str]:
    """Return one connection per source: the replay server's address, keys with all rights, and each client's options."""
    connections: dict[str, dict[str, object]] = {
        "alpha_vantage": {"host": replay, "password": "PREMIUM-replay-key", "extra": {"profile": "premium"}},
        "coingecko": {"host": f"{replay}/api/v3", "password": "CG-replay-demo-key"},
        "nyc_tlc": {"host": replay},
        "sec": {"host": replay, "extra": {"user_agent": "Lakeworks demo demo@example.org"}},
        "shopify": {"host": replay, "password": TOKEN, "extra": {"read_all_orders": True}},
        "sp500": {"host": replay},
        "yahoo": {"host": replay, "extra": {"accept_terms": True}},
    }
    return {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "http", **said}) for name, said in connections.items()
    }


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return boto3's variables for an emulator that accepts any key."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # ministack is thirteen times slower with the streaming checksums that newer SDKs add on their own
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }


def _aws_connection(endpoint: str) -> dict[str, object]:
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    return {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}


def ministack_environment(folder: Path, port: int, sftp_port: int) -> dict[str, str]:
    """Return the AWS emulator's environment: it keeps everything below `folder` and listens on loopback only."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_PORT": str(sftp_port),
        "IOT_MTLS_ENABLED": "0",  # it listens on 0.0.0.0:8883 and ignores BIND_HOST
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
    }


def kept_secrets(folder: Path) -> dict[str, str]:
    """Return Airflow's secrets, made once per state folder, because connections in its database are encrypted with them."""
    path = folder / "secrets.json"
    if not path.is_file():
        made = {
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(48),
        }
        write_private(path, json.dumps(made, indent=1))
    return dict(json.loads(path.read_text()))


def write_env_file(path: Path, environment: dict[str, str]) -> None:
    """Write a file for the shell: `set -a; . .local/stack.env; set +a`."""
    lines = [f"{key}={shlex.quote(value)}" for key, value in sorted(environment.items())]
    write_private(path, "\n".join(lines) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that no other user can read at any moment. An older one is replaced in one step."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
