"""docker-compose's own rules as far as a file shows them: variables, profiles, what waits for what, what is mounted."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-?])([^}]*))?\})")


class ComposeRefused(Exception):
    """What `docker compose config` would refuse."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Texts with their variables: `${A}`, `${A:-default}`, `${A-default}`, `${A:?needed}`, `$$`."""
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    return VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    escaped, name, how, text = match.groups()
    if escaped:
        return "$"
    given = variables.get(name)
    absent = not given if (how or "").startswith(":") else given is None
    if absent and how and how.endswith("?"):
        raise ComposeRefused(f"required variable {name} is missing a value: {text}")
    return text if absent and how else given or ""


def composed(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The services that would start, with the profiles of COMPOSE_PROFILES; environments as the containers get them.

    Raises:
        ComposeRefused: a required variable is empty, a service waits for one that does not start, or a mounted path is missing.
    """
    profiles = {name for name in variables.get("COMPOSE_PROFILES", "").split(",") if name}
    document = interpolated(yaml.safe_load(path.read_text()), variables)
    everyone = document["services"]
    active = {
        name: service for name, service in everyone.items()
        if not service.get("profiles") or profiles & set(service["profiles"])
    }  # fmt: skip
    for name, service in active.items():
        _check(name, service, everyone, active)
        _check_mounts(name, service, path.parent, document.get("volumes") or {})
        environment = service.get("environment") or {}
        service["environment"] = {
            key: variables[key] if value is None else value
            for key, value in environment.items()
            if value is not None or key in variables
        }
    return active


def _check(name: str, service: Any, everyone: Any, active: Any) -> None:
    for other, condition in (service.get("depends_on") or {}).items():
        if other not in everyone:
            raise ComposeRefused(f"service {name} depends on undefined service {other}")
        if other not in active and condition.get("required", True):
            raise ComposeRefused(f"service {name} depends on {other}, whose profile is off")


def _check_mounts(name: str, service: Any, folder: Path, volumes: Mapping[str, Any]) -> None:
    for mount in service.get("volumes") or []:
        if isinstance(mount, str):
            source = mount.partition(":")[0]
            if not source.startswith((".", "/", "~")) and source not in volumes:
                raise ComposeRefused(f"service {name} refers to undefined volume {source}")
        elif mount["type"] == "bind" and not (folder / Path(mount["source"]).expanduser()).exists():
            raise ComposeRefused(f"service {name}: there is no {mount['source']}")
