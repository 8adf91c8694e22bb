"""The bytes of metadata of every generation."""
