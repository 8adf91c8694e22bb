"""Label maps and their tables: what is one, and what its values mean, here and in other programs."""
