"""Oxford-IIIT Pet in its official layout; boxes are the extent of the trimaps' animal."""

from pathlib import Path

from dfm_viz import layouts
from dfm_viz.types import UserError
from training.data.base import DataSet, Item, Problem, find_root

LICENCE = "Trained on Oxford-IIIT Pet pictures (Parkhi et al., CC BY-SA 4.0)."


def load(data_root: Path) -> DataSet:
    """Read the lists and the trimaps.

    Training needs no box, and the official set has trimaps without an animal: evaluation leaves
    such pictures out and counts them.

    Raises:
        UserError: missing lists, a line that does not fit.
    """
    root = find_root(data_root, layouts.is_pets, "Oxford-IIIT Pet")
    train, test = layouts.pets(root, "trainval"), layouts.pets(root, "test")
    if train is None and test is None:
        raise UserError(f"{root.name}/annotations has neither trainval.txt nor test.txt.")
    breeds = {pet.number: pet.breed for pet in [*(train or ()), *(test or ())]}
    index = {number: i for i, number in enumerate(sorted(breeds))}
    problems: list[tuple[Problem, str]] = []

    def item(pet: layouts.Pet) -> Item:
        box = None
        try:
            box = pet.box()
        except UserError as error:
            problems.append((Problem.ANNOTATION, str(error).split(";")[0]))
        return Item(pet.picture, index[pet.number], (box,) if box else ())

    return DataSet(
        root,
        tuple(breeds[number] for number in sorted(breeds)),
        tuple(map(item, train or ())),
        tuple(map(item, test or ())),
        LICENCE,
        problems=tuple(problems),
    )
