"""What libraries load that a process of ours never uses, or only now and then."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

LATER = frozenset({"httpx", "requests", "pydicom.examples"})
"""What Blosc2 and pydicom load for images at URLs and for their own sample files: a tenth of the time
in which a conversion starts."""


class _Unread(ModuleType):
    """A module whose code runs when something of it is asked for that isn't there yet.

    Python's own `importlib.util.LazyLoader` shows a half-loaded module to other threads before 3.11.9 and
    3.12.3 (python/cpython, gh-114763): here they wait.
    """

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        with own["__lock__"]:
            reader = own["__reader__"]
            if reader is not None:
                own["__reader__"] = None  # what its own code asks for while it runs is there or isn't
                own.update(own["__kept__"])
                try:
                    reader.exec_module(self)
                except BaseException:
                    own["__reader__"] = reader
                    raise
        return super().__getattribute__(name)


class _Putting(SourceFileLoader):
    """Puts off the code of a module that lies in a file."""

    def exec_module(self, module: ModuleType) -> None:
        reader, own = SourceFileLoader(self.name, self.path), module.__dict__
        # without a path, so that who imports a submodule runs the package first
        kept = {"__path__": own.pop("__path__")} if "__path__" in own else {}
        own.update(__lock__=RLock(), __reader__=reader, __kept__=kept, __loader__=reader)
        if module.__spec__ is not None:
            module.__spec__.loader = reader
        module.__class__ = _Unread


class _Later:
    """Finds modules that are loaded when something of theirs is asked for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load one of `LATER` when it is used; None for all others, or one that isn't there."""
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Putting(spec.loader.name, spec.loader.path)
        return spec


_later = _Later()


def leave_out_commands() -> None:
    """Keep httpx, which Blosc2 loads, from loading its command line, and with it Rich, Click and Pygments.

    They take a tenth of the time in which a conversion starts. httpx goes without where they can't be
    imported, and None is Python's own word for that ("The module cache" of its reference).
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


def put_off_imports() -> None:
    """Have modules that are hardly ever used loaded when they are."""
    if _later not in sys.meta_path:
        sys.meta_path.insert(0, _later)
