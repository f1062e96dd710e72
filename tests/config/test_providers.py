"""Which provider configuration a block uses, through the module tree."""

from __future__ import annotations

import pytest

from perimeter.config.model import ProviderRef
from perimeter.config.providers import locate
from tests.config.loading import everything, loaded

_MAIN = """
perimeter {
  required_providers {
    gh = { source = "perimeter/github" }
  }
}
provider "gh" {}
provider "gh" {
  alias = "eu"
}
module "plain" {
  source = "./child"
}
module "passed" {
  source    = "./child"
  providers = { github = gh.eu }
}
"""


@pytest.mark.parametrize(
    ("path", "key", "found"),
    [
        ((), "gh", ((), "gh")),
        ((), "gh.eu", ((), "gh.eu")),
        (("plain",), "github", ((), "gh")),
        (("passed",), "github", ((), "gh.eu")),
        (("plain",), "github.eu", None),
        ((), "gh.us", None),
    ],
)
def test_configurations_are_inherited_or_passed(
    path: tuple[str, ...], key: str, found: tuple[tuple[str, ...], str] | None
) -> None:
    """A default one under whatever name the caller has for the provider; an aliased one only when passed."""
    config, problems = loaded(_MAIN, child__main='resource "github_team" "t" {}\n')
    assert not problems, list(problems)
    name, _, alias = key.partition(".")
    located = locate(config, path, ProviderRef(name=name, alias=alias or None))
    assert (None if located is None else (located.path, located.key)) == found
    if located is not None:
        assert located.entry_point == "github"


def test_what_nobody_declares_is_reported_with_the_nearest_name() -> None:
    """In modules, with what the caller has to write."""
    found = everything(
        _MAIN,
        child__main='resource "github_team" "t" {\n  provider = github.eu\n}\n',
    )
    assert {item[0] for item in found} == {"Provider configuration not present"}
    assert "providers = { github.eu = … }" in found[0][1]
    found = everything(
        'provider "okta" {\n alias = "eu"\n}\nresource "okta_app" "a" {\n provider = okta.ue\n}\n'
    )
    assert 'Did you mean "okta.eu"?' in found[0][1]


def test_passing_twice_or_nothing_sensible_is_refused() -> None:
    """Keys and values of ``providers`` are provider references."""
    found = everything(
        'module "m" {\n source = "./m"\n providers = { okta = okta, okta = okta }\n}\n', m__main=""
    )
    assert [item[0] for item in found] == ["Duplicate provider address"]
    found = everything('module "m" {\n source = "./m"\n providers = [okta]\n}\n', m__main="")
    assert [item[0] for item in found] == ["Invalid expression"]
