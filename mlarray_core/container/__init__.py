"""A `.mla` file without `MLArray`: its frame, where its chunks are, its seal and its metadata."""
