"""What needs what, in which order, and what is wrong with references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.config.graph import Graph, Node
from perimeter.config.order import cycles, topological
from tests.config.loading import everything, graph_of


def _place(graph: Graph, node: Node) -> int:
    return graph.order.index(node)


@given(
    st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=120)
)
@settings(max_examples=150, deadline=None)
def test_order_and_cycles_of_any_graph(size: int, pairs: list[tuple[int, int]]) -> None:
    """What is ordered follows what it needs; the rest hangs on a cycle, and each cycle is one."""
    edges: dict[int, set[int]] = {node: set() for node in range(size)}
    for one, other in pairs:
        if one < size and other < size:
            edges[one].add(other)
    order, left = topological(range(size), edges)
    assert sorted([*order, *left]) == list(range(size))
    place = {node: index for index, node in enumerate(order)}
    assert all(place[needed] < place[node] for node in order for needed in edges[node])
    found = cycles(left, edges)
    assert bool(found) == bool(left)
    for cycle in found:
        assert all(
            after in edges[node] for node, after in zip(cycle, cycle[1:] + cycle[:1], strict=True)
        )


def test_order_is_that_of_declaration_where_nothing_else_decides() -> None:
    """So that two runs look alike."""
    assert topological("dacb", {"d": "a", "c": "b"}) == (["a", "d", "b", "c"], [])


def test_everything_inside_a_module_follows_its_call() -> None:
    """The child's variable needs the argument, the caller's reference the child's output."""
    graph, problems = graph_of(
        """
        variable "x" {}
        module "m" {
          source = "./m"
          given  = var.x
          count  = 2
        }
        output "o" { value = module.m[0].out }
        output "all" { value = module.m }
        resource "okta_group" "after" {
          name       = "g"
          depends_on = [module.m]
        }
        """,
        m__main="""
        variable "given" {}
        resource "okta_group" "g" { name = var.given }
        output "out" { value = okta_group.g.id }
        """,
    )
    assert not problems
    call, end = Node((), "module", "m"), Node((), "module_end", "m")
    given_, group = Node(("m",), "variable", "given"), Node(("m",), "resource", "okta_group.g")
    out = Node(("m",), "output", "out")
    assert graph.edges[given_] == {call, Node((), "variable", "x")}
    assert graph.edges[out] == {call, group}
    assert graph.edges[Node((), "output", "o")] == {out}
    assert end in graph.edges[Node((), "output", "all")]
    assert end in graph.edges[Node((), "resource", "okta_group.after")]
    assert group in graph.edges[end]
    assert _place(graph, call) < _place(graph, given_) < _place(graph, group) < _place(graph, out)


def test_providers_are_followed_through_the_module_tree() -> None:
    """A passed alias leads to the caller's configuration, which may itself need a resource."""
    graph, problems = graph_of(
        """
        variable "token" {}
        provider "okta" {
          alias = "eu"
          token = var.token
        }
        module "m" {
          source    = "./m"
          providers = { okta = okta.eu }
        }
        collection "okta_group" "all" { provider = okta.eu }
        break_glass "okta.eu" { users = [var.token] }
        """,
        m__main='resource "okta_group" "g" { name = "g" }',
    )
    assert not problems
    provider = Node((), "provider", "okta.eu")
    assert graph.edges[provider] == {Node((), "variable", "token")}
    assert provider in graph.edges[Node(("m",), "resource", "okta_group.g")]
    assert provider in graph.edges[Node((), "collection", "okta_group.all")]
    assert provider in graph.edges[Node((), "break_glass", "okta.eu")]


@pytest.mark.parametrize(
    "argument",
    [
        "name = local.l",
        "count = local.l",
        "for_each = local.l",
        "depends_on = [data.okta_group.d]",
        "integration = integration.i",
        "lifecycle {\n prevent_destroy = local.l\n}",
        "lifecycle {\n expires_at = local.l\n}",
        "lifecycle {\n replace_triggered_by = [okta_group.other.id]\n}",
        'lifecycle {\n precondition {\n condition = local.l\n error_message = "x"\n}\n}',
        'lifecycle {\n postcondition {\n condition = self.id == "1"\n error_message = local.l\n}\n}',
        'dynamic "rule" {\n for_each = local.l\n content {\n a = rule.value\n}\n}',
        "rule {\n a = [for x in local.l : x]\n}",
    ],
)  # fmt: skip
def test_wherever_a_reference_stands_it_counts(argument: str) -> None:
    """Arguments, meta-arguments, lifecycle, nested and dynamic blocks."""
    graph, problems = graph_of(
        f"""
        locals {{ l = 1 }}
        integration "i" {{}}
        data "okta_group" "d" {{}}
        resource "okta_group" "other" {{}}
        resource "okta_group" "g" {{
          {argument}
        }}
        """
    )
    assert not problems, list(problems)
    assert graph.edges[Node((), "resource", "okta_group.g")]


def test_imports_make_their_resource_follow_the_id() -> None:
    """In a called module, too."""
    graph, problems = graph_of(
        """
        locals { id = "00g" }
        module "m" { source = "./m" }
        import {
          to = module.m.okta_group.g["a"]
          id = local.id
        }
        """,
        m__main='resource "okta_group" "g" { for_each = { a = 1 } }',
    )
    assert not problems
    assert Node((), "local", "id") in graph.edges[Node(("m",), "resource", "okta_group.g")]


_DECLARED = """
variable "region" {}
locals { region = 1 }
resource "okta_group" "crm" {}
resource "okta_group" "many" { count = 2 }
resource "okta_group" "keyed" { for_each = { a = 1 } }
data "okta_user" "me" {}
integration "drift" {}
module "m" {
  source = "./m"
}
module "mm" {
  source   = "./m"
  for_each = { a = 1 }
}
"""


@pytest.mark.parametrize(
    ("expression", "summary", "detail"),
    [
        ("var.regoin", "Reference to undeclared input variable", 'Did you mean "region"?'),
        ("var.zzz", "Reference to undeclared input variable", 'variable "zzz" {} block'),
        ("var", "Invalid reference", "cannot be accessed directly"),
        ("var[0]", "Invalid reference", "does not support this operation"),
        ("local.regoin", "Reference to undeclared local value", 'Did you mean "region"?'),
        ("okta_group.crn", "Reference to undeclared resource", 'Did you mean "crm"?'),
        ("okta_gruop.crm", "Reference to undeclared resource", 'Did you mean "okta_group"?'),
        ("okta_user.me", "Reference to undeclared resource", "data resource data.okta_user.me"),
        (
            "data.okta_group.crm",
            "Reference to undeclared resource",
            "managed resource okta_group.crm",
        ),
        ("vars.region", "Reference to undeclared resource", 'Did you mean "var"?'),
        ("data.okta_user", "Invalid reference", "two attribute names"),
        ("resource.okta_group", "Invalid reference", "two attribute names"),
        ("okta_group", "Invalid reference", "specifying the resource name"),
        ("okta_group.crm[0].id", "Unexpected resource instance key", "Remove the bracketed index"),
        ("okta_group.many.id", "Missing resource instance key", "okta_group.many[count.index]"),
        ("okta_group.keyed.id", "Missing resource instance key", "okta_group.keyed[each.key]"),
        ("module.n.out", "Reference to undeclared module", 'named "n"'),
        ("module.m.uot", "Unsupported attribute", 'Did you mean "out"?'),
        ("module.m[0].out", "Invalid index", "module.m"),
        ("module.mm.out", "Unsupported attribute", "module.mm[each.key].out"),
        ("integration.dirft", "Reference to undeclared integration", 'Did you mean "drift"?'),
        ("each.key", 'Reference to "each" in context without for_each', "for_each"),
        ("each.value", "each.value cannot be used in this context", "for_each"),
        ("each.kye", 'Invalid "each" attribute', "each.key"),
        ("count.index", 'Reference to "count" in non-counted context', "count"),
        ("count.idx", 'Invalid "count" attribute', "count.index"),
        ("self.id", 'Invalid "self" reference', "postcondition"),
        ("path.modul", 'Invalid "path" attribute', 'Did you mean "module"?'),
        ("perimeter.workspaec", 'Invalid "perimeter" attribute', 'Did you mean "workspace"?'),
    ],
)
def test_a_wrong_reference_is_one_error_at_its_place(
    expression: str, summary: str, detail: str
) -> None:
    """In Terraform's words, with the nearest name, wherever it stands in the expression."""
    main = f'{_DECLARED}output "o" {{\n  value = [1, {expression}]\n}}\n'
    found = everything(main, m__main='output "out" { value = 1 }')
    line = main[: main.index(f"[1, {expression}")].count("\n") + 1
    assert [(item[0], item[2]) for item in found] == [(summary, f"main.hcl:{line}")]
    assert detail in found[0][1]
    assert len(summary) <= 60


@pytest.mark.parametrize(
    "expression",
    [
        "var.region", "local.region", "okta_group.crm", "okta_group.crm.id", "resource.okta_group.crm.id",
        "okta_group.many[0].id", "okta_group.many[*].id", 'okta_group.keyed["a"].id', "okta_group.keyed",
        "data.okta_user.me.id", "module.m.out", "module.m", 'module.mm["a"].out', "module.mm",
        "integration.drift", "path.module", "path.root", "path.cwd", "perimeter.workspace",
        "terraform.workspace", "[for each in [1] : each]", "[for k, okta in { a = 1 } : okta.nope]",
    ],
)  # fmt: skip
def test_right_references(expression: str) -> None:
    """None of them is an error."""
    main = f'{_DECLARED}output "o" {{ value = {expression} }}\n'
    assert everything(main, m__main='output "out" { value = 1 }') == []


def test_cycles_name_each_reference() -> None:
    """Through locals, modules and resources alike."""
    found = everything(
        """locals {
  a = local.b
  b = [for x in [1] : module.m.out]
}
module "m" {
  source = "./m"
  given  = local.a
}
""",
        m__main='variable "given" {}\noutput "out" { value = var.given }\n',
    )
    [(summary, detail, where)] = found
    assert summary == "Cycle: local.a, local.b, module.m.output.out, module.m.var.given"
    assert "local.a needs local.b at main.hcl:2,7-14" in detail
    assert "module.m.var.given needs local.a at main.hcl:7,12-19" in detail
    assert where == "main.hcl:2"


@pytest.mark.parametrize(
    ("main", "summary"),
    [
        ("locals {\n e = [local.e]\n}", "Self-referencing local value"),
        ('resource "a_b" "c" {\n x = a_b.c.y\n}', "Self-referential block"),
        ('resource "a_b" "c" {\n count = a_b.c[0].y\n}', "Self-referential block"),
        ('data "a_b" "c" {\n x = data.a_b.c.y\n}', "Self-referential block"),
    ],
)
def test_self_references(main: str, summary: str) -> None:
    """A declaration cannot need itself, but a variable's validation speaks of it."""
    assert [item[0] for item in everything(main)] == [summary]


def test_a_validation_may_speak_of_its_variable_and_others() -> None:
    """Which then come first."""
    graph, problems = graph_of(
        """
        variable "a" {
          validation {
            condition     = var.a != var.b
            error_message = "differ"
          }
        }
        variable "b" {}
        """
    )
    assert not problems
    assert [node.name for node in graph.order] == ["b", "a"]


@pytest.mark.parametrize(
    ("call", "summary", "detail"),
    [
        ("nme = 1", "Unsupported argument", 'Did you mean "name"?'),
        ("", "Missing required argument", '"name" is required'),
    ],
)
def test_module_arguments_are_checked(call: str, summary: str, detail: str) -> None:
    """Against the variables of the module that is called."""
    main = f'module "m" {{\n  source = "./m"\n  {call}\n}}\n'
    found = everything(main, m__main='variable "name" {}\nvariable "other" { default = 1 }\n')
    assert (summary, True) in [(item[0], detail in item[1]) for item in found]


def test_a_repeated_module_may_not_configure_providers() -> None:
    """As in Terraform."""
    found = everything(
        'module "m" {\n  source = "./m"\n  count = 2\n}\n', m__main='provider "okta" {}\n'
    )
    assert found[0][0] == "Module is incompatible with count, for_each, and depends_on"


@pytest.mark.parametrize(
    ("block", "summary"),
    [
        ("to = a_b.c\nid = 1", "Configuration for import target does not exist"),
        ("to = a_b\nid = 1", "Invalid import address"),
        ("to = data.a_b.d\nid = 1", "Invalid import address"),
        ("to = a_b.d[each.key]\nid = 1", "Invalid import address"),
        ("to = a_b.d", "Missing required argument"),
        ("to = a_b.d\nid = var.no", "Reference to undeclared input variable"),
    ],
)
def test_wrong_imports(block: str, summary: str) -> None:
    """Each with what to do."""
    main = f'resource "a_b" "d" {{}}\nimport {{\n{block}\n}}\n'
    assert [item[0] for item in everything(main)] == [summary]


def test_depends_on_names_whole_objects() -> None:
    """Not attributes of them."""
    main = 'resource "a_b" "c" {}\noutput "o" {\n value = 1\n depends_on = [a_b.c.id]\n}\n'
    assert [item[0] for item in everything(main)] == ["Invalid depends_on reference"]


def test_ten_thousand_blocks_are_ordered() -> None:
    """All of them, what they refer to first."""
    main = "".join(
        f'resource "a_b" "r{n}" {{ x = [local.l, a_b.first.id] }}\n' for n in range(10_000)
    )
    from perimeter.config.graph import build_graph
    from tests.config.loading import loaded

    config, _ = loaded(main + 'resource "a_b" "first" {}\nlocals { l = 1 }\n')
    graph, problems = build_graph(config)
    assert not problems
    assert len(graph.order) == 10_002
    place = {node: number for number, node in enumerate(graph.order)}
    for node, needed in graph.edges.items():
        assert all(place[other] < place[node] for other in needed)
