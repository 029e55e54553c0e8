"""What colours and prints each family is sold in: priors by weight, near enough for a street in any city."""

MEDICAL = {
    "#9cc7dc": 5.0, "#7fb2d0": 3.0, "#b7d9e4": 2.0, "#f0f2f2": 4.0, "#a8d5c5": 1.5, "#202124": 2.0,
    "#e9b9c4": 1.2, "#c7b8dc": 0.8, "#5b7fa6": 0.8, "#e6d3bd": 0.8, "#3f8f86": 0.6, "#8d939a": 0.6,
    "#c98f6b": 0.4, "#6b4a3a": 0.3, "#d9a648": 0.3, "#9b2f3f": 0.3,
}  # fmt: skip
CHILD = {
    "#9cc7dc": 3.0, "#f0f2f2": 2.0, "#f2b6c8": 2.0, "#bfe3c0": 1.5, "#f6e08a": 1.2, "#c9b6e6": 1.2,
    "#f4a97c": 0.8, "#6fb7e0": 1.2, "#e87f8f": 0.6, "#2d3a63": 0.5,
}  # fmt: skip
RESPIRATOR = {
    "#f3f3f1": 8.0, "#e4e4e0": 2.0, "#232427": 2.5, "#8f979f": 1.0, "#d7c9b4": 0.8, "#d9a3ad": 0.6,
    "#8fb5cf": 0.6, "#4d6079": 0.5, "#b98a6a": 0.4, "#7a5a48": 0.3, "#7f2b33": 0.3, "#5d7a5c": 0.3,
    "#b7a6cc": 0.3,
}  # fmt: skip
CUP = {
    "#f1f1ee": 8.0, "#e3ded2": 2.0, "#c9d8d2": 1.5, "#9fb8cf": 0.9, "#7fb0a8": 0.8, "#e8dfa8": 0.4,
    "#2a2b2e": 0.7, "#c9a98a": 0.3,
}  # fmt: skip
DUCKBILL = {
    "#f2f3f2": 4.0, "#f0a35a": 2.0, "#a9cde0": 2.0, "#7fa8c8": 1.0, "#d9dcd6": 1.0, "#b9d9cf": 0.8,
    "#25262a": 0.8, "#e6c7a8": 0.4,
}  # fmt: skip
WARDROBE = {
    "#1d1e22": 4.0, "#3a3f47": 2.0, "#7a7f86": 2.0, "#ecebe6": 2.0, "#24365c": 2.0, "#7b1f2b": 1.2,
    "#2f5d44": 1.0, "#c9a98a": 1.2, "#b8788a": 1.0, "#d8b24a": 0.7, "#5b4a7d": 0.7, "#c65b3a": 0.7,
    "#6fa3b8": 1.0, "#8b6b4f": 0.7, "#e3c7cf": 0.8, "#c21f30": 0.7, "#1f7fbf": 0.6, "#7d8f5a": 0.6,
    "#f0d9c0": 0.5, "#5a3d2e": 0.5, "#2b8f8a": 0.5, "#e88fb0": 0.4,
}  # fmt: skip
SPONGE = {
    "#1b1c20": 6.0, "#55595f": 2.0, "#8d9197": 1.5, "#f0eeea": 1.5, "#e7c3c6": 1.5, "#2a3a5e": 1.0,
    "#d9c1a6": 1.0, "#7c8a6a": 0.6, "#b3a2c7": 0.6, "#a32b38": 0.6, "#6fa9c4": 0.6, "#c9966f": 0.4,
}  # fmt: skip
SCARF = {
    "#2a2c31": 2.5, "#6d7178": 2.0, "#b9b4aa": 1.5, "#ece6da": 1.5, "#7a1f2b": 1.5, "#23395d": 1.5,
    "#b08d57": 1.0, "#8a5a3c": 1.0, "#3f5d43": 1.0, "#c9a3a8": 0.8, "#d0743c": 0.6, "#5d4a72": 0.6,
    "#c8b43f": 0.5, "#3f8690": 0.5, "#dcb894": 0.6,
}  # fmt: skip
RUBBER = {
    "#3a3d42": 4.0, "#1d1e20": 3.0, "#4b5a6b": 2.0, "#2f4d78": 1.5, "#6d7277": 1.5, "#2f6f74": 0.6,
    "#7d8a94": 0.6, "#b9bdbf": 0.4, "#7a3a34": 0.3,
}  # fmt: skip

# Prints: names of datagen/prints/kinds.py.
MEDICAL_PRINTS = {
    "nonwoven": 8.0, "plain": 5.0, "floral": 0.4, "dots": 0.3, "stripes": 0.2, "gradient": 0.3, "logo": 0.3,
    "text": 0.2, "camouflage": 0.2, "lace": 0.2, "marble": 0.1, "noise": 0.2, "geometric": 0.1,
}  # fmt: skip
CHILD_PRINTS = {
    "nonwoven": 4.0, "plain": 3.0, "dots": 1.2, "floral": 1.0, "logo": 1.2, "stripes": 0.6, "geometric": 0.8,
    "gradient": 0.4, "camouflage": 0.3,
}  # fmt: skip
RESPIRATOR_PRINTS = {
    "nonwoven": 6.0, "plain": 6.0, "text": 0.5, "logo": 0.4, "camouflage": 0.2, "floral": 0.2, "gradient": 0.2,
    "noise": 0.2,
}  # fmt: skip
CLOTH_PRINTS = {
    "plain": 4.0, "weave": 4.0, "stripes": 1.2, "checks": 1.2, "gingham": 1.2, "dots": 1.4, "floral": 2.2,
    "camouflage": 0.9, "gradient": 0.5, "text": 0.7, "logo": 1.0, "mouth": 0.6, "lace": 0.5, "marble": 0.5,
    "geometric": 1.2, "noise": 0.8, "knit": 0.4, "animal": 0.7,
}  # fmt: skip
SPONGE_PRINTS = {
    "plain": 6.0, "weave": 2.0, "logo": 1.2, "text": 0.7, "gradient": 0.6, "mouth": 0.6, "camouflage": 0.5,
    "marble": 0.4, "geometric": 0.4, "noise": 0.4, "animal": 0.4,
}  # fmt: skip
BANDANA_PRINTS = {
    "floral": 4.0, "weave": 2.0, "plain": 1.5, "camouflage": 1.2, "dots": 1.0, "checks": 0.8, "geometric": 1.2,
    "stripes": 0.5, "mouth": 0.6, "noise": 0.5, "logo": 0.3, "animal": 0.4,
}  # fmt: skip
GAITER_PRINTS = {
    "plain": 3.0, "knit": 2.0, "camouflage": 1.5, "gradient": 1.2, "floral": 1.0, "geometric": 1.2, "mouth": 0.8,
    "logo": 0.6, "marble": 0.6, "noise": 0.8, "stripes": 0.5, "animal": 0.5,
}  # fmt: skip
SCARF_PRINTS = {
    "knit": 5.0, "weave": 2.5, "plain": 1.5, "checks": 1.5, "stripes": 1.2, "gingham": 0.5, "floral": 0.7,
    "lace": 0.3, "geometric": 0.5, "gradient": 0.4, "animal": 0.5,
}  # fmt: skip
RUBBER_PRINTS = {"plain": 1.0}
