"""What the fault tests share: a nursery, tenants, and the counts that are printed at the end."""

import contextlib

import pytest

from tests.faults.lines import line
from tests.faults.nursery import Nursery
from tests.faults.story import Story
from tests.faults.tenants import Tenants
from tests.servers.backends import Unavailable


@pytest.fixture(scope="session")
def nursery():
    with Nursery() as running:
        yield running


@pytest.fixture
def tally(request):
    """Count something; the sums over all tests are printed at the end of the run."""

    def count(what, times=1):
        request.node.user_properties.append(("count", [what, times]))

    return count


@pytest.fixture
def tell(servers, nursery, tmp_path, tally):
    """Begin a story on a kind of backend."""
    with contextlib.ExitStack() as stack:

        def begin(kind, seed, *, encrypted=False, disturbed=False):
            found = None
            try:
                if disturbed:
                    found = stack.enter_context(line(servers, kind))
                place = found.place if found else servers.place(kind)
            except Unavailable as problem:
                pytest.skip(str(problem))
            tenants = stack.enter_context(Tenants())
            story = Story(
                place=place,
                tenants=tenants,
                nursery=nursery,
                folder=tmp_path,
                seed=seed,
                tally=tally,
                encrypted=encrypted,
                direct=found and found.direct,
            )
            story.line = found
            return story

        yield begin
