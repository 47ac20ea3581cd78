"""The engine's functions: the zip that was deployed is the code that runs.

A zip that brings its dependencies runs where nothing but AWS's runtime client is installed, so that
a forgotten one is missing here too. One with only the handler's package runs in the environment of
that package, which supplies the rest.
"""

from __future__ import annotations

import io
import threading
import zipfile
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scones_local.function import Function, FunctionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Functions", "NotRunnable"]

Json = dict[str, Any]


class NotRunnable(LookupError):
    """Nothing here can run a function; the message says what to do."""


@dataclass(frozen=True)
class _Code:
    """An unpacked zip, and the modules and packages at its top."""

    folder: Path
    top: frozenset[str]


class Functions:
    """The processes of every version of every function.

    Args:
        settings: `functions`: interpreters by package; `runtime`: that of zips which bring their
            dependencies; `environment`: variables for all; `concurrency`; `logs`, `code`: folders.
    """

    def __init__(self, settings: Json) -> None:
        self._pythons: Mapping[str, str] = settings["functions"]
        self._runtime: str = settings["runtime"]
        self._environment: Mapping[str, str] = settings["environment"]
        self._concurrency: int = settings["concurrency"]
        self._logs = Path(settings["logs"])
        self._home = Path(settings["code"])
        self._codes: dict[str, _Code] = {}
        self._running: dict[tuple[str, str], Function] = {}
        self._lock = threading.Lock()

    def find(self, code_zip: bytes | None, config: Json) -> Function:
        """The processes that run a version as it is now; they start when there is work.

        Args:
            code_zip: What was deployed.
            config: Lambda's FunctionConfiguration of it.

        Raises:
            NotRunnable: There is no code, or no environment for it.
        """
        key = (config["FunctionName"], config["Version"])
        with self._lock:
            settings = self._settings(code_zip, config)
            running = self._running.get(key)
            if running and running.settings != settings:
                running.retire()
                running = None
            if not running:
                running = self._running[key] = Function(settings)
            return running

    def end_unless(self, wanted: Callable[[str, str], bool]) -> None:
        """End the processes of each function and version that is not wanted, once they are idle."""
        with self._lock:
            for key in [key for key in self._running if not wanted(*key)]:
                self._running.pop(key).retire()

    def stop(self) -> None:
        """End every process of every function."""
        for function in self._running.values():
            function.stop()

    def _settings(self, code_zip: bytes | None, config: Json) -> FunctionSettings:
        code = self._unpacked(code_zip, config)
        variables = (config.get("Environment") or {}).get("Variables", {})
        return FunctionSettings(
            name=config["FunctionName"],
            version=config["Version"],
            handler=config["Handler"],
            code=code.folder,
            python=self._python(code, config["Handler"].split(".")[0]),
            environment={**self._environment, **variables},
            timeout_s=float(config["Timeout"]),
            memory_mb=int(config["MemorySize"]),
            concurrency=self._concurrency,
            log=self._logs / f"{config['FunctionName']}.log",
        )

    def _unpacked(self, code_zip: bytes | None, config: Json) -> _Code:
        digest = config["CodeSha256"]
        if digest not in self._codes:
            if code_zip is None:
                raise NotRunnable(f"{config['FunctionName']} has no code: deploy it again.")
            folder = self._home / b64decode(digest).hex()
            with zipfile.ZipFile(io.BytesIO(code_zip)) as archive:
                archive.extractall(folder)
                top = (name.split("/")[0].removesuffix(".py") for name in archive.namelist())
                self._codes[digest] = _Code(folder, frozenset(top))
        return self._codes[digest]

    def _python(self, code: _Code, package: str) -> str:
        if code.top - {package}:
            return self._runtime
        if package not in self._pythons:
            raise NotRunnable(f"No environment holds {package}: add it to noxfile.py's SERVICES")
        return self._pythons[package]
