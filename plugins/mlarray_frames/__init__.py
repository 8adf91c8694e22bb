"""Rarer and animated pictures: JPEG XL, AVIF, HEIF, JPEG XR, GIF, QOI, PNM, TGA, OpenEXR."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlarray_frames.options import FrameOptions
from mlarray_io import Confidence, Format, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlarray_io import Context, ImageRef, Reader, Source


class FrameFormat(Format[FrameOptions]):
    """A kind of picture, decoded frame by frame in a process of its own."""

    module: ClassVar[str]
    """Which of this package's modules decodes it."""

    def sniff(self, source: Source) -> Confidence:
        """Look at the first bytes."""
        from mlarray_frames.signature import kind_of

        if source.is_dir or not source.head:
            return Confidence.NO if source.is_dir else super().sniff(source)
        # those that another format knows as a single picture are told apart by what makes them move
        found = kind_of(source.head)
        if found != self.name:
            return Confidence.NO
        return Confidence.PARSED if found == "animation" else Confidence.SIGNATURE

    def open(self, source: Source, image: ImageRef, options: FrameOptions, context: Context) -> Reader:
        """Open a picture, or one of several in a file.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_io.sdk import served_reader

        function = f"mlarray_frames.{self.module}:open_picture"
        return served_reader(function, source.path, context, self.name, image.key, options)


class Listed(FrameFormat):
    """A kind of which a file can hold several pictures."""

    def images(self, source: Source, options: FrameOptions, context: Context) -> Sequence[ImageRef]:
        """List the pictures.

        Parameters
        ----------
        source, options, context
            See `Format.images`.
        """
        from mlarray_io.sdk import served_images

        return served_images(f"mlarray_frames.{self.module}:list_pictures", source.path, context)


class JpegXl(FrameFormat):
    """JPEG XL, animated or not (ISO/IEC 18181)."""

    name, title, module = "jpegxl", "JPEG XL", "by_imagecodecs"
    suffixes = (".jxl",)
    requires, install = ("imagecodecs",), "mlarray[jpegxl]"


class Avif(FrameFormat):
    """AVIF, animated or not."""

    name, title, module = "avif", "AVIF", "by_pillow"
    suffixes = (".avif", ".avifs")
    requires, install = ("PIL", "imagecodecs"), "mlarray[avif]"


class JpegXr(FrameFormat):
    """JPEG XR (ITU-T T.832)."""

    name, title, module = "jpegxr", "JPEG XR", "by_imagecodecs"
    suffixes = (".jxr", ".wdp", ".hdp")
    requires, install = ("imagecodecs",), "mlarray[jpegxr]"


class Qoi(FrameFormat):
    """The Quite OK Image Format."""

    name, title, module = "qoi", "QOI", "by_imagecodecs"
    suffixes = (".qoi",)
    requires, install = ("imagecodecs",), "mlarray[qoi]"


class Gif(FrameFormat):
    """GIF, animated or not."""

    name, title, module = "gif", "GIF", "by_pillow"
    suffixes = (".gif",)
    requires, install = ("PIL",), "mlarray[gif]"


class Animation(FrameFormat):
    """Animated PNG and WebP, whose single pictures the format `pictures` reads."""

    name, title, module = "animation", "Animated PNG and WebP", "by_pillow"
    suffixes = (".apng",)
    requires, install = ("PIL",), "mlarray[animation]"


class Tga(FrameFormat):
    """Truevision's TGA, which only its name tells."""

    name, title, module = "tga", "TGA", "by_pillow"
    suffixes = (".tga", ".icb", ".vda", ".vst")
    requires, install = ("PIL",), "mlarray[tga]"

    def sniff(self, source: Source) -> Confidence:
        """Go by the name, and by a header that makes sense."""
        from mlarray_frames.signature import could_be_tga

        fits = source.has_suffix(*self.suffixes) and not source.is_dir
        return Confidence.SUFFIX if fits and could_be_tga(source.head) else Confidence.NO


class Pnm(FrameFormat):
    """Netpbm's PBM, PGM, PPM and PAM, plain ones too, and PFM."""

    name, title, module = "pnm", "PNM: PBM, PGM, PPM, PAM, PFM", "pnm"
    suffixes = (".pnm", ".pbm", ".pgm", ".ppm", ".pam", ".pfm")

    def open(self, source: Source, image: ImageRef, options: FrameOptions, context: Context) -> Reader:
        """Open a picture: there is no library that damage could crash.

        Parameters
        ----------
        source, image, options, context
            See `Format.open`.
        """
        from mlarray_frames.pnm import open_picture

        return open_picture(source.path, context, self.name, image.key, options)


class Exr(Listed):
    """OpenEXR: parts and layers, each an image."""

    name, title, module = "exr", "OpenEXR", "exr"
    suffixes = (".exr",)
    requires, install = ("OpenEXR",), "mlarray[exr]"


class Heif(Listed):
    """HEIF and HEIC, by a library that is licensed under the LGPL and GPL."""

    name, title, module = "heif", "HEIF, HEIC", "heif"
    suffixes = (".heic", ".heif", ".hif")
    requires, install = ("pillow_heif",), "mlarray[heif]"


@hookimpl
def mlarray_formats() -> Iterable[Format]:
    """Return the formats of this plugin."""
    return [JpegXl(), Avif(), JpegXr(), Qoi(), Gif(), Animation(), Tga(), Pnm(), Exr(), Heif()]
