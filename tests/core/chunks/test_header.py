"""A chunk's header: the fields one by one and all at once are the same."""

import numpy as np

from mlarray_core.chunks import header


def test_all_fields_at_once_are_the_fields():
    fields = (
        header.VERSION,
        header.CODEC_VERSION,
        header.FLAGS,
        header.TYPESIZE,
        header.NBYTES,
        header.BLOCKSIZE,
        header.CBYTES,
        header.FILTER_NUMBERS,
        header.CODEC,
        header.KIND,
    )
    noise = np.random.default_rng(0)
    for _ in range(100):
        chunk = noise.bytes(header.CHUNK_HEADER)
        assert header._WHOLE.unpack_from(chunk) == tuple(field.of(chunk) for field in fields)
    assert header._WHOLE.size == header.CHUNK_HEADER
