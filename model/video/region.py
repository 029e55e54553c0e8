"""Where a face is in a view of it."""

import cv2
import numpy as np

from unmask.datagen.faces.frame import FRAME_POINTS
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.pyramid import Grid


def face_region(view: Grid) -> U8:
    """Return the outline of the mean face, brows to chin, on the pixels of a view: uint8 (h, w), 0 or 255."""
    back = cv2.invertAffineTransform(view.to_picture(np.eye(2, 3)))
    hull = cv2.convexHull(np.rint(FRAME_POINTS @ back[:, :2].T + back[:, 2]).astype(np.int32))
    region = np.zeros((view.height, view.width), np.uint8)
    cv2.fillConvexPoly(region, hull, 255)
    return region
