"""Messages of formats about broken bytes, in one line."""


def problem(error: BaseException) -> str:
    """Return what is wrong in one line, with the error's name where it has no words of its own."""
    lines = str(error).splitlines()
    if isinstance(error, ValueError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0] if lines else 'no details'}"
