"""Pydantic's errors about a document that a person wrote, in words."""

from pydantic import ValidationError


def problems(error: ValidationError, whole: str = "file") -> str:
    """Return every problem with its field, in one line; `whole` names the document where no single field is wrong."""
    return "; ".join(f"`{'.'.join(map(str, item['loc'])) or whole}`: {item['msg']}" for item in error.errors())
