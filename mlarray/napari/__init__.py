"""napari: `.mla` files, and every other format that is read, as layers at their place in the world.

npe2 finds `napari.yaml` by the entry point ``napari.manifest``. Layers are made without napari: it isn't
imported here.
"""
