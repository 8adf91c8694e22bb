"""Where sources and targets lie: files, folders and URLs."""
