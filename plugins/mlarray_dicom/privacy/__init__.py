"""What identifies a patient in a header: the tables of PS3.15, Annex E, applied to `meta.source`."""
