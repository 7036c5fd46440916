"""Two runs at once never write the same files, and none writes what another one reads.

A run locks the files and folders that its nodes write, and shares those that they only read, all
of them before its first node. What it has written is shared from then on.
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from fgstp.core.lock import locked
from fgstp.core.process import from_launcher
from fgstp.datasets.files import FileDataset
from fgstp.datasets.folders import FilesDataset, FolderDataset
from fgstp.models.training_records import seed_folder

MODEL, TRAIN = "params:model", "params:train"
OF_MODELS = {"features", "models", "predictions"}  # with a folder for each model


class LockHooks:
    """Takes the locks of a run, and releases them however it ends."""

    def __init__(self) -> None:
        self._locks: dict[Path, ExitStack] = {}
        self._written: dict[str, list[Path]] = {}  # by the name of a dataset

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Take the locks.

        Raises:
            UserError: another run is in the way.
        """
        self._release()  # those of a run that was stopped in this process
        if from_launcher("RANK"):
            return  # of processes that a launcher started together, the first one locks
        self._written = {
            name: list(_written(node, name, catalog))
            for node in pipeline.nodes
            for name in node.outputs
        }
        written = {path for paths in self._written.values() for path in paths}
        read = {path for node in pipeline.nodes for path in _read(node, catalog)}
        is_training = any(TRAIN in node.inputs for node in pipeline.nodes)
        if is_training and catalog.load(TRAIN).nodes > 1:
            # Each machine runs this command, for the same folders.
            read, written = read | written, set()
        atexit.register(self._release)  # a signal ends Python, but tells no hook
        try:
            for path in sorted(written | read):
                self._lock(path, shared=path not in written)
        except BaseException:
            self._release()
            raise

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Let others read what is written."""
        for path in self._written.pop(dataset_name, []):
            with self._locks.pop(path):
                self._lock(path, shared=True)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Release the locks."""
        self._release()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Release the locks."""
        self._release()

    def _lock(self, path: Path, *, shared: bool) -> None:
        self._locks[path] = lock = ExitStack()
        lock.enter_context(locked(path, shared=shared))

    def _release(self) -> None:
        atexit.unregister(self._release)
        for lock in self._locks.values():
            lock.close()
        self._locks, self._written = {}, {}


def _written(node: Node, name: str, catalog: DataCatalog) -> Iterator[Path]:
    """What a node writes as an output; a training of one seed, the folder of that seed alone."""
    train = catalog.load(TRAIN) if name == "models" and TRAIN in node.inputs else None
    for path in _paths(node, name, catalog):
        if train and train.seed_index:
            yield seed_folder(path, train.seed_index)
        else:
            yield path


def _read(node: Node, catalog: DataCatalog) -> Iterator[Path]:
    """What a node reads, and the folder of its model, in which others may train other seeds."""
    for name in {*node.inputs, *(OF_MODELS & {*node.outputs})}:
        dataset = catalog.get(name)
        if isinstance(dataset, FileDataset) and not _is_raw(dataset):
            yield from dataset.read_files
        else:
            yield from _paths(node, name, catalog)


def _paths(node: Node, name: str, catalog: DataCatalog) -> list[Path]:
    """The file or folder of a dataset; of a node of one model, the folder of that model."""
    match dataset := catalog.get(name):
        case FileDataset() | FilesDataset() | FolderDataset() if _is_raw(dataset):
            return []  # nothing writes it
        case FileDataset():
            return [dataset.filepath]
        case FolderDataset() if name in OF_MODELS and MODEL in node.inputs:
            return [dataset.folder / catalog.load(MODEL)]
        case FilesDataset() | FolderDataset():
            return [dataset.folder]
    return []


def _is_raw(dataset: FileDataset | FilesDataset | FolderDataset) -> bool:
    return (dataset.metadata or {}).get("kedro-viz", {}).get("layer") == "raw"
