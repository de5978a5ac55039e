"""What the tests of trainings share."""

import pytest
import torch


@pytest.fixture
def cut_off(monkeypatch):
    """Runs a training that is interrupted right after its second checkpoint was written."""

    def run(training):
        written = []
        with monkeypatch.context() as patched:
            save = torch.save

            def save_and_stop(state, path):
                save(state, path)
                if str(path).endswith("last.new"):
                    written.append(path)
                if len(written) == 2:
                    path.replace(path.with_name("last.pt"))
                    raise KeyboardInterrupt

            patched.setattr(torch, "save", save_and_stop)
            with pytest.raises(KeyboardInterrupt):
                training()

    return run
