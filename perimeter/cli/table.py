"""The commands by name, and the usage texts that need no command to be loaded."""

from __future__ import annotations

MAIN = {
    "init": "Download modules, check providers, prepare the directory",
    "validate": "Check whether the configuration is valid",
    "plan": "Show the changes that the configuration asks for",
    "apply": "Make the changes",
    "destroy": "Remove everything that perimeter manages here",
}

OTHER = {
    "approve": "Sign that the changes of a saved plan may be made",
    "attest": "Say that a manual step was done",
    "claims": "Show what the states beside this one claim",
    "console": "Try expressions at an interactive prompt",
    "evidence": "Show and verify the log of what was done",
    "fmt": "Bring configuration files into canonical style",
    "force-unlock": "Release a stuck lock on the state",
    "get": "Download the modules that the configuration calls",
    "graph": "Print the configuration's dependencies as a graph",
    "import": "Let state remember an object that exists",
    "metadata": "Describe the language to programs",
    "migrate": "Translate another tool's configuration",
    "modules": "Show the modules that the configuration calls",
    "observe": "Read the tenants into a snapshot to plan on",
    "output": "Show the outputs",
    "providers": "Show the providers that the configuration requires",
    "query": "List the tenants' objects, and write configuration for them",
    "rotate": "Rotate credentials now, or roll a rotation back",
    "rotations": "Report where each credential stands",
    "sandbox": "Run emulated tenants on this machine",
    "show": "Show the state or a saved plan",
    "state": "Inspect and repair the state",
    "steps": "Report what is left to be done by hand",
    "test": "Run the configuration's own tests",
    "taint": "Mark a resource instance to be replaced",
    "untaint": "Take back the mark of a resource instance",
    "version": "Show the version",
    "workspace": "Keep several states of one configuration",
}

SUB = {
    "approve verify": "Check who signed an approval, and of what",
    "claims list": "List states, what they claim and how much they manage",
    "claims release": "Strike a state that is gone from the registry",
    "evidence list": "List the entries of the log",
    "evidence show": "Show one entry with all its fields",
    "evidence verify": "Find out whether the log is as it was written",
    "metadata functions": "Show the language's functions as JSON",
    "migrate terraform": "Translate Terraform's configuration and state",
    "providers schema": "Show the providers' schemas as JSON",
    "sandbox down": "Stop the running sandbox",
    "sandbox drift": "Change the tenants behind perimeter's back",
    "sandbox seed": "Show or replace what the tenants hold",
    "sandbox up": "Start emulated tenants",
    "state list": "List the resource instances in the state",
    "state mv": "Remember resource instances under another address",
    "state history": "List the versions of the state that are kept",
    "state rollback": "Plan and apply back to an earlier version",
    "state push": "Put a state file in place of the state",
    "state replace-provider": "Let another provider manage the objects",
    "state pull": "Print the state as it is stored",
    "state rekey": "Encrypt the state anew with the present key",
    "state rm": "Forget resource instances; their objects stay",
    "state show": "Show one resource instance",
    "workspace delete": "Delete a workspace",
    "workspace list": "List the workspaces",
    "workspace new": "Create a workspace and select it",
    "workspace select": "Select a workspace",
    "workspace show": "Show the name of the selected workspace",
}

GROUPS = frozenset(
    {
        "approve",
        "claims",
        "evidence",
        "metadata",
        "migrate",
        "providers",
        "sandbox",
        "state",
        "workspace",
    }
)
"""Names that have commands below them."""

COMMANDS = frozenset(
    {*MAIN, *OTHER, *SUB}
    - {"claims", "evidence", "metadata", "migrate", "sandbox", "state", "workspace"}
)
"""Names that can be run."""


def usage(group: str = "") -> str:
    """What a bare ``perimeter``, or a bare group, prints."""
    if group:
        members = {
            name.partition(" ")[2]: text
            for name, text in SUB.items()
            if name.startswith(f"{group} ")
        }
        return (
            f"Usage: perimeter [global options] {group} <subcommand> [options] [args]\n\n"
            f"  {OTHER[group]}.\n\nSubcommands:\n{_listed(members)}\n"
        )
    return (
        "Usage: perimeter [global options] <subcommand> [args]\n\n"
        "The available commands are listed below. The primary workflow commands come\nfirst.\n\n"
        f"Main commands:\n{_listed(MAIN)}\n\nAll other commands:\n{_listed(OTHER)}\n\n"
        "Global options (before the subcommand, if any):\n"
        "  -chdir=DIR    Switch to a different working directory first.\n"
        "  -help         Show this help, or the help of a subcommand.\n"
        "  -no-color     Write no colours; so does the environment variable NO_COLOR.\n"
        "  -version      An alias for the version subcommand.\n"
    )


def _listed(members: dict[str, str]) -> str:
    return "\n".join(f"  {name:<13} {text}" for name, text in members.items())
