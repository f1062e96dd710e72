"""Variables in the backend and in module sources, from the command line."""


def test_the_state_lies_where_a_variable_says(cli):
    """And a module comes from where one says; init, plan and apply agree."""
    cli.write(
        'variable "team" {}\n'
        'perimeter {\n  backend "local" {\n    path = "${var.team}.json"\n  }\n}\n'
        'module "m" {\n  source = "./${var.team}"\n}\n'
    )
    cli.write('resource "perimeter_data" "a" {\n  input = "red"\n}\n', "red/main.hcl")
    cli.ok("init", "-var", "team=red")
    cli.ok("apply", "-auto-approve", "-var", "team=red")
    assert (cli.directory / "red.json").exists()
    cli.ok("plan", "-out=p", "-destroy", "-var", "team=red")
    cli.ok("apply", "p")
    failed = cli("plan", "-input=false")
    assert failed.code == 1
    assert "No value for required variable" in failed.err
