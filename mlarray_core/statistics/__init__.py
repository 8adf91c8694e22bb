"""What is counted of an image's voxels in one pass: numbers that sum them up, and where classes are."""
