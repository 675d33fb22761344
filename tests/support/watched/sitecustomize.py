"""Found by every Python that has this folder on PYTHONPATH: holds its requests against AWS's models, once it imports botocore."""

import sys

# only what every start of Python has loaded: imports of more would make each process of the tests slower
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

FOLDER = __file__.rpartition("/watched/")[0]


class AtBotocore:
    """Waits for botocore's handlers; a process that needs none stays as quick as it was."""

    @staticmethod
    def find_spec(name: str, path: list[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "botocore.handlers":
            return None
        sys.meta_path.remove(AtBotocore)
        found = PathFinder.find_spec(name, path, target)
        if found is not None and found.origin is not None:
            found.loader = WatchedHandlers(name, found.origin)
        return found


class WatchedHandlers(SourceFileLoader):
    """botocore's handlers, with one more."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        model = ModuleType("aws_model_of_the_tests")
        model.__file__ = f"{FOLDER}/aws_model.py"
        SourceFileLoader(model.__name__, model.__file__).exec_module(model)
        model.watch()


sys.meta_path.insert(0, AtBotocore)
