"""Fixtures of the hook dispatcher's tests."""

import pytest

from hook_dispatcher import Dispatcher, Endpoint, hooks_config


@pytest.fixture
def endpoint():
    """Makes endpoints, and ends them."""
    made = []

    def make(*arguments, **options):
        made.append(Endpoint(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def dispatcher(tmp_path):
    """Makes dispatchers of hooks (dicts), and stops them."""
    made = []

    def make(*hooks, **options):
        made.append(Dispatcher(tmp_path / f"dispatcher{len(made)}", hooks_config(*hooks), **options))
        return made[-1].start()
    yield make
    for one in made:
        one.__exit__()
