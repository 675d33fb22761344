"""A branch of the lake for development: its name, its keys and its databases. Everything else is read from the live lake.

A dev lake's keys lie below `_dev/<name>.<token>/`. The token is new for each dev lake, so a late request of a dropped dev
lake never reaches one that has the same name. Keys below `_parent/` are those of the live lake; a dev lake only reads them.
"""

import re
from dataclasses import dataclass

from lakeworks.core.layout import DEV, INBOX, LANDING, QUOTA, SHARES
from lakeworks.core.names import LAYERS
from lakeworks.errors import ConfigError

PARENT = "_parent"
# What a dev lake shares with the live lake: raw data as received. It reads it, and adds nothing to it.
SHARED = (LANDING, INBOX, QUOTA, SHARES)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LENGTHS = range(2, 32)


@dataclass(frozen=True)
class DevBranch:
    """A dev lake's name and token; `str()` gives the name."""

    name: str
    token: str

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def folder(self) -> str:
        """Return the folder of the dev lake in the live lake's keys, with its trailing slash."""
        return f"{DEV}/{self.name}.{self.token}/"

    def key(self, key: str) -> str:
        """Return the live lake's key for a key of the dev lake."""
        area, _, rest = key.partition("/")
        if area == PARENT:
            return rest
        return key if area in SHARED else f"{self.folder}{key}"

    def own(self, key: str) -> str:
        """Return the dev lake's key for a key of the live lake: the reverse of `key`."""
        if key.startswith(self.folder):
            return key.removeprefix(self.folder)
        return key if key.partition("/")[0] in SHARED else parents_key(key)

    def refuse_write(self, key: str) -> None:
        """Refuse to write what belongs to the live lake.

        Raises:
            ConfigError: the key is the live lake's.
        """
        if key.partition("/")[0] in (PARENT, *SHARED):
            raise ConfigError(
                f"`{key.removeprefix(PARENT + '/')}` belongs to the live lake, and dev lake `{self}` only reads it. Nothing "
                "was written. Do this on the live lake: leave out --dev and LAKE_DEV."
            )

    def database(self, name: str) -> str:
        """Return the dev lake's Glue database for a `<layer>_<domain>`."""
        return f"{self.database_prefix}{name}"

    @property
    def database_prefix(self) -> str:
        """Return the prefix of the dev lake's Glue databases and of no other's: `dev_fix_42_`."""
        return f"dev_{self.name.replace('-', '_')}_"


def parents_key(key: str) -> str:
    """Return the key by which a dev lake reads an object of the live lake."""
    return f"{PARENT}/{key}"


def dev_name(text: str) -> str:
    """Return a dev lake's name, checked.

    Raises:
        ConfigError: it is none.
    """
    if len(text) in _LENGTHS and _NAME.fullmatch(text) and not set(text.split("-")) & set(LAYERS):
        return text
    raise ConfigError(
        f"`{text}` is not a dev lake's name. Nothing was done. A name has {_LENGTHS.start} to {_LENGTHS.stop - 1} characters: "
        "lower-case letters and digits in words joined by single hyphens, beginning with a letter (`fix-42`). No word is a "
        f"layer's name ({', '.join(LAYERS)})."
    )


def dev_name_of_branch(branch: str) -> str:
    """Return the dev lake's name for a branch of Git: `feature/Fix_42` becomes `feature-fix-42`."""
    words = [word for word in re.split(r"[^a-z0-9]+", branch.lower()) if word and word not in LAYERS]
    if not words or not words[0][0].isalpha():
        words.insert(0, "branch")
    return dev_name("-".join(words)[: _LENGTHS.stop - 1].rstrip("-"))
