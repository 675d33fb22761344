"""YAML files that people write. A repeated key is an error; PyYAML would silently use the last one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lakeworks.errors import ConfigError

# libyaml reads a contract in a sixth of the time. PyYAML's wheels have it, a build from source may not.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_SafeLoader):  # type: ignore[misc]
    """PyYAML's safe loader; `construct_mapping` refuses a repeated key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping.

        Raises:
            yaml.MarkedYAMLError: a key is there twice.
        """
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen and key_node.value != "<<":
                raise yaml.MarkedYAMLError(
                    problem=f"the key `{key_node.value}` is written twice", problem_mark=key_node.start_mark
                )
            if isinstance(key_node, yaml.ScalarNode):
                seen.add(key_node.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def load_yaml(text: str) -> Any:
    """Parse one YAML document.

    Raises:
        yaml.YAMLError: it does not parse, or a mapping has a key twice.
    """
    return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a subclass of the safe loader


def read_yaml(path: Path) -> Any:
    """Parse a YAML file of UTF-8 text.

    Raises:
        OSError, UnicodeDecodeError: the file cannot be read.
        yaml.YAMLError: it does not parse, or a mapping has a key twice.
    """
    return load_yaml(path.read_text(encoding="utf-8"))


def problems(error: ValidationError, whole: str = "file") -> str:
    """Return every problem with its field, in one line; `whole` names the document where no single field is wrong."""
    return "; ".join(f"`{'.'.join(map(str, item['loc'])) or whole}`: {item['msg']}" for item in error.errors())


@contextmanager
def explained_file(
    name: str, state: str, *, path_advice: str = "Correct the path.", field_advice: str = "Correct the file."
) -> Iterator[None]:
    """Turn every error of reading one file into one message: its name, the problem, the state that remains, the next step.

    Raises:
        ConfigError: the file cannot be read, is no UTF-8 text, is no YAML, or has a wrong field.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}. {state} {path_advice}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is no UTF-8 text (byte {error.start}). {state} Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is no YAML: {error}. {state} {field_advice}") from error
    except ValidationError as error:
        raise ConfigError(f"{name}: {problems(error)}. {state} {field_advice}") from error
