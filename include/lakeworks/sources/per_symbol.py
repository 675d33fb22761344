"""Data sets with one request per symbol."""

from collections.abc import Callable, Iterable
from functools import partial

from lakeworks.errors import SourceRejected
from lakeworks.sources import ResponseStore
from lakeworks.sources.response import SourceResponse


def land_each(
    vendor: str,
    symbols: Iterable[str],
    landing: ResponseStore,
    ask: Callable[[str], SourceResponse],
    is_known: Callable[[SourceResponse], bool],
    **facts: str,
) -> dict[str, str]:
    """Land the response for every symbol. Responses for unknown symbols are landed too, and those symbols are returned.

    Raises:
        SourceRejected: the vendor knows none of them, so the request itself is wrong.
    """
    answers = {name: landing.fetch_once(f"{name}.json", partial(ask, name), symbol=name, **facts) for name in symbols}
    unknown = [name for name, answer in answers.items() if not is_known(answer)]
    if len(unknown) == len(answers):
        raise SourceRejected(
            f"{vendor} knows none of {', '.join(unknown)}; it answers {answers[unknown[0]].quoted()}. No row was "
            "staged from it. Check the symbols in the contract's source_options."
        )
    return {"unknown": ",".join(unknown)} if unknown else {}
