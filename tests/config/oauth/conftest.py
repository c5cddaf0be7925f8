"""A provider of sign-ins for every test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.services.token_endpoint import TokenEndpoint, token_endpoint


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    """Give a provider on loopback."""
    with token_endpoint() as running:
        yield running
