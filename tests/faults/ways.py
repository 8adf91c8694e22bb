"""All ways to write, by name."""

from __future__ import annotations

from tests.faults import batch_paths, format_paths, upload_paths, write_paths

GROUPS = {
    "core": write_paths.WAYS,
    "formats": format_paths.WAYS,
    "batches": batch_paths.WAYS,
    "uploads": upload_paths.WAYS,
}
WAYS = {name: way for group in GROUPS.values() for name, way in group.items()}
