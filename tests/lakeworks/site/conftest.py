"""The filled shop, as the assistant's tests have it."""

from tests.lakeworks.agents.conftest import shop, shop_project

__all__ = ["shop", "shop_project"]
