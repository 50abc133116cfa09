"""The order of classes: the faultless class first, so that in a binary model class 1 is the fault."""

from collections.abc import Iterable

FAULTLESS = ("good", "ok", "okay", "normal", "no_fault", "no_defect", "healthy", "fine")


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Class names without repeats, the faultless one first, the others sorted."""
    return tuple(sorted(set(names), key=lambda name: (name.lower() not in FAULTLESS, name)))
