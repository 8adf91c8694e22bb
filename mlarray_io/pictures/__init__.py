"""Pictures of planes."""
