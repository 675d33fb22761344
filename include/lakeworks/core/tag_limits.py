"""Limits of S3's object tags (Amazon S3 user guide, "Categorizing your objects using tags")."""

TAGS = 10
VALUE_LENGTH = 256
_MARKS = " +-=._:/@"


def tag_value_fault(value: str) -> str | None:
    """Return why S3 would refuse a tag's value; None for one that it takes."""
    if len(value) > VALUE_LENGTH:
        return f"has {len(value)} characters, more than the {VALUE_LENGTH} of a tag"
    if wrong := sorted({letter for letter in value if not (letter.isalnum() or letter in _MARKS)}):
        return (
            f"has {' '.join(wrong)!r}, which a tag cannot have (letters, digits, blanks and {_MARKS.strip()} are fine)"
        )
    return None
