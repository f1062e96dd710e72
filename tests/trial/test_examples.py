import shutil
from pathlib import Path

from perimeter.trial.find import find_tests
from perimeter.trial.runner import Suite

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart"


def test_the_quickstart_can_be_tested_without_any_tenant(tmp_path, monkeypatch):
    """With every provider mocked it plans, applies, and then has nothing left to do."""
    for file in EXAMPLE.glob("*.hcl"):
        if not file.name.startswith("."):
            shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    mocks = "".join(f'mock_provider "{name}" {{}}\n' for name in ("aws", "github", "okta"))
    (tmp_path / "quickstart.test.hcl").write_text(
        mocks
        + 'run "plan" {\n  command = plan\n}\nrun "apply" {}\nrun "again" {\n  command = plan\n}\n'
    )
    found = find_tests(tmp_path, tmp_path / "tests")
    result = Suite(directory=tmp_path, files=found.only(()), environment={}).run()
    runs = result.files[0].runs
    assert [run.status.value for run in runs] == ["pass"] * 3, [r.diagnostics for r in runs]
    assert len(runs[0].plan.active) == len(runs[1].state.resources) > 5
    assert runs[2].plan.is_empty
    assert not result.files[0].left
