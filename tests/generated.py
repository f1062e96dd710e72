"""The promise of generated configuration: planned it asks for nothing, applied it declares everything it was made from."""

from perimeter.engine.model import Action


def declare_everything(workspace):
    """Generate, plan, apply, query again; returns the text and what was generated."""
    found, made = workspace.query(whole=True)
    again = workspace.query(whole=True)[1]
    text = "\n".join(item.text for item in made.values())
    assert text == "\n".join(item.text for item in again.values())
    addresses = [item.address for item in made.values()]
    assert len(set(addresses)) == len(addresses)
    workspace.write(text, "generated.hcl")
    outcome = workspace.plan()
    assert not outcome.errors, (outcome.errors, text)
    wanted = {
        str(c.address): (c.action, c.changed, c.manual)
        for c in outcome.plan.changes
        if c.action is not Action.NO_OP or c.manual is not None
    }
    assert wanted == {}, (wanted, text)
    assert {str(c.address) for c in outcome.plan.changes if c.importing} == set(addresses)
    applied = workspace.apply()
    assert not applied.errors, applied.errors
    assert {r.status for r in applied.applied.results} <= {"done"}, applied.applied.results
    after, _ = workspace.query()
    assert [item.id for result in after.results for item in result.objects] == []
    return text, found
