from collections.abc import Iterator

from nbformat import ValidationError
from nbformat.notebooknode import NotebookNode

def iter_validate(nbdict: NotebookNode) -> Iterator[ValidationError]: ...
