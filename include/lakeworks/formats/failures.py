"""Messages of formats about broken bytes, in one line."""


def problem(error: BaseException) -> str:
    """Return the error in one line; its name if it has no message."""
    lines = str(error).splitlines()
    if isinstance(error, ValueError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0] if lines else 'no details'}"
