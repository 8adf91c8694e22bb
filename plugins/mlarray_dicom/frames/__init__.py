"""One file as frames: where each lies, and what tells it from others at the same place."""
