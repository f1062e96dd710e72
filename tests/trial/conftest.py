import pytest

from tests.trial.trying import Trial


@pytest.fixture
def trial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Trial(tmp_path)
