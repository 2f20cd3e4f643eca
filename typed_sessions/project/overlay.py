"""Python files imported as a command has them in memory, while the disk has something else."""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


@contextmanager
def overlaid(texts: Mapping[Path, str]) -> Generator[None]:
    """Let modules be imported from these texts instead of from their files."""
    finder = _Finder(texts)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._texts = texts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        text = self._texts.get(Path(spec.origin).resolve()) if spec and spec.origin else None
        if spec is None or spec.origin is None or text is None:
            return None
        spec.loader = _Loader(fullname, spec.origin, text)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType | None:  # noqa: ARG002  # the protocol of loaders
        code: CodeType = self.source_to_code(self._text.removeprefix("\ufeff"), self.path)
        return code
