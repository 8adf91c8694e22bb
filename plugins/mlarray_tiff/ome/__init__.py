"""OME-XML: what it says, and writing it."""
