"""What decides a triplet's pixels besides the picture itself."""

from dataclasses import dataclass

from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.masks.template import TemplateSet


@dataclass(frozen=True)
class TripletConfig:
    """Everything that decides a triplet's pixels besides the picture itself; picklable.

    Attributes
    ----------
    seed : int
    size : (width, height) or None
        Output size in pixels by centre crop and scaling; None keeps the source's.
    recipe : RecipeConfig
    templates : TemplateSet
    faces : str
        ``all``, ``largest``, or ``single`` (pictures with several faces are refused as ``many_faces``).
    jitter : bool
        Move every picture by the recipe's ``[jitter]`` before it is masked, differently for each variant.
    occluders : bool
        Draw hands, cups and the like in front of some faces, by the recipe's ``[occluder]``; into the clean picture
        as well, which so differs between variants.
    """

    seed: int
    size: tuple[int, int] | None
    recipe: RecipeConfig
    templates: TemplateSet
    faces: str = "all"
    jitter: bool = False
    occluders: bool = False
