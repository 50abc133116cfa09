"""recipes copy: a shipped recipe as a file of the user's own."""

from pathlib import Path

from adaptprint.adaptation.recipe import load_recipe
from adaptprint.errors import UsageError
from adaptprint.models.atomic_folder import write_atomic


def copy_recipe(name: str, to: str | Path, overwrite: bool = False) -> Path:
    """Writes a shipped recipe to a ``.toml`` file.

    Raises:
        UsageError: If the name is unknown, or the file exists and may not be replaced.
        OutputError: If the file cannot be written.
    """
    recipe, path = load_recipe(name), Path(to)
    if path.suffix != ".toml":
        raise UsageError(f"{path} does not end in .toml", "Recipe files end in .toml; name it so.")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already", "Choose another file, or pass --overwrite.")
    write_atomic(path, recipe.text.encode())
    return path
