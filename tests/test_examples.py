"""The examples of the public names run as they stand."""

import doctest
import inspect

import pytest

import fgstp

NAMES = [name for name in fgstp.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example_that_runs(name, desk, monkeypatch):
    monkeypatch.chdir(desk)
    text = inspect.getdoc(getattr(fgstp, name))
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    report = []
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_other_names_are_refused():
    assert set(NAMES) <= set(dir(fgstp))
    with pytest.raises(AttributeError, match="nothing"):
        fgstp.nothing  # noqa: B018
