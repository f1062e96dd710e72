"""Whatever the files look like, there is a translation that parses, or a diagnostic."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.format import format_text
from perimeter.migrate.catalogue import catalogue_of
from perimeter.migrate.foreign_state import ForeignState, read_state
from perimeter.migrate.translate import migrate
from perimeter.sdk.migration import TERRAFORM
from perimeter.sdk.registry import available, load_providers
from tests.migrate.conftest import FIXTURES

TEXTS = [path.read_text(encoding="utf-8") for path in sorted(FIXTURES.rglob("*.tf"))]
STATE = FIXTURES / "okta" / "terraform.tfstate"
CATALOGUE = catalogue_of(load_providers(available())[0].values(), TERRAFORM)
PIECES = ['"', "{", "}", "\n", "=", "${", "#", ".", "[0]", "count = 2\n", "null", "<<E\n", "/*", ""]


@st.composite
def damaged(draw):
    """A fixture with some stretches replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
    return text


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    made = tmp_path_factory.mktemp("foreign")
    (made / "modules" / "keys").mkdir(parents=True)
    (made / "modules" / "keys" / "main.tf").write_text(TEXTS[0], encoding="utf-8")
    return made


@settings(max_examples=150, deadline=None)
@given(text=damaged(), with_state=st.booleans())
def test_any_damage_is_survived(directory, text, with_state):
    """And what is written is in canonical style."""
    (directory / "main.tf").write_text(text, encoding="utf-8")
    found = Diagnostics()
    state = read_state(STATE, found) if with_state else ForeignState()
    migrated = migrate(directory, state, CATALOGUE, found)
    summaries = {item.summary for item in found.errors}
    assert summaries <= {
        "Invalid Terraform configuration",
        "Module not found",
        "No Terraform configuration files",
    }
    for name, content in migrated.files.items():
        assert format_text(content, name) == (content, [])
