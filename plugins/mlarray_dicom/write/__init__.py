"""Writing DICOM: images as derived objects, segmentations, parametric maps, slides, measurements."""
