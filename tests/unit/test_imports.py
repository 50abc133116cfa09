"""`import adaptprint` and `adaptprint --help` load nothing heavy, and the names stay what they are."""

import subprocess
import sys

import pytest

HEAVY = ("faiss", "matplotlib", "pandas", "polars", "PIL", "pytorch_adapt", "scipy", "sklearn", "torch")


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "code",
    [
        "import adaptprint",
        "import adaptprint; dir(adaptprint); adaptprint.AdaptprintError, adaptprint.Progress",
        "import sys; sys.argv = ['adaptprint', '--help']; from adaptprint.__main__ import main; main()",
        "import sys; sys.argv = ['adaptprint', 'adapt', '--help']; from adaptprint.__main__ import main; main()",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    said = python(
        "import atexit, sys\n"
        f"atexit.register(lambda: print('LOADED', [name for name in {HEAVY} if name in sys.modules]))\n{code}"
    )
    assert said.splitlines()[-1] == "LOADED []"


def test_predict_loads_nothing_that_a_call_of_one_image_does_not_need() -> None:
    said = python(
        "import sys, adaptprint.workflows.predict\n"
        "print([name for name in ('faiss', 'matplotlib', 'pytorch_adapt', 'scipy', 'sklearn') if name in sys.modules])"
    )
    assert said == "[]\n"


def test_synth_stays_the_function_after_the_subpackage_of_that_name_was_loaded() -> None:
    said = python(
        "import adaptprint, adaptprint.synth.dataset\n"
        "from adaptprint.synth import SynthResult\n"
        "from adaptprint import synth\n"
        "print(callable(adaptprint.synth), synth is adaptprint.synth, SynthResult.__name__)"
    )
    assert said.split() == ["True", "True", "SynthResult"]


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    import adaptprint

    with pytest.raises(AttributeError, match="fly"):
        _ = adaptprint.fly


def test_every_public_name_is_there() -> None:
    import adaptprint

    assert all(getattr(adaptprint, name) is not None for name in adaptprint.__all__)
