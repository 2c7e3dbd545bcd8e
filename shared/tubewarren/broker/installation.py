"""Where RabbitMQ is installed: an unpacked private copy, the system's package, or the search path."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tubewarren.broker.errors import RabbitMqMissingError

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGE_GLOB: Final = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"
_WHAT_TO_DO: Final = (
    "run `make rabbitmq` to get one, or set TUBEWARREN_BROKER_URL to the address of a broker that you have"
)


@dataclass(frozen=True, slots=True)
class Installation:
    """A RabbitMQ server that can be started.

    Attributes:
        scripts: the folder of `rabbitmq-server` itself, not of the wrapper that insists on root.
        path: folders where the server finds `erl`, `epmd` and the shell's commands, best first.
        libraries: folders with shared libraries that the system lacks; empty for a system package.
    """

    scripts: Path
    path: tuple[Path, ...]
    libraries: tuple[Path, ...] = ()

    @property
    def version(self) -> str | None:
        """The version as the folder's name tells it; None where it does not."""
        match = re.search(r"rabbitmq(?:_server)?[-/](\d+(?:\.\d+)+)", str(self.scripts))
        return match[1] if match else None

    @property
    def has_management(self) -> bool:
        """Whether the management plugin is part of this installation."""
        return any((self.scripts.parent / "plugins").glob("rabbitmq_management-*"))

    def executable(self, name: str) -> Path | None:
        """The program of this name on the installation's own path; None when there is none."""
        found = shutil.which(name, path=":".join(map(str, self.path)))
        return Path(found) if found else None


def find_installation(data_dir: Path, *, system_root: Path = Path("/"), search_path: str | None = None) -> Installation:
    """The server to use: a copy unpacked in the data folder, else the system's package, else the search path.

    Args:
        data_dir: the project's data folder; a private copy lies in `rabbitmq-server/root` below it.
        system_root: where the system's packages are installed.
        search_path: where else to look for programs; None means the environment's PATH.

    Raises:
        RabbitMqMissingError: there is no server, or there is no Erlang to run it.
    """
    installation = next(_candidates(data_dir.resolve(), system_root, search_path), None)
    if installation is None:
        raise RabbitMqMissingError(f"no RabbitMQ server was found on this machine: {_WHAT_TO_DO}")
    if installation.executable("erl") is None:
        raise RabbitMqMissingError(
            f"RabbitMQ is in {installation.scripts}, but Erlang (the program erl) was not found: {_WHAT_TO_DO}"
        )
    return installation


def _candidates(data_dir: Path, system_root: Path, search_path: str | None) -> Iterator[Installation]:
    private_root = data_dir / "rabbitmq-server" / "root"
    system_path = _path(search_path)
    for scripts in _packages_below(private_root):
        yield Installation(scripts, (private_root / "usr/bin", *system_path), _libraries_below(private_root))
    for scripts in _packages_below(system_root):
        yield Installation(scripts, system_path)
    if found := shutil.which("rabbitmq-server", path=search_path):
        yield Installation(Path(found).resolve().parent, system_path)


def _path(search_path: str | None) -> tuple[Path, ...]:
    # The node gets the system's folders and that of erl, not the whole search path of whoever starts it.
    erl = shutil.which("erl", path=search_path)
    own = (Path(erl).parent,) if erl else ()
    folders = SYSTEM_PATH.split(":") if search_path is None else search_path.split(":")
    return (*own, *map(Path, folders))


def _packages_below(root: Path) -> list[Path]:
    """Folders of server scripts, the newest version first."""
    found = [folder for folder in root.glob(_PACKAGE_GLOB) if (folder / "rabbitmq-server").is_file()]
    return sorted(found, key=_version_key, reverse=True)


def _version_key(scripts: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", scripts.parent.name))


def _libraries_below(root: Path) -> tuple[Path, ...]:
    folders = {library.parent for library in root.glob("usr/lib/*-linux-*/*.so*")}
    folders |= {library.parent for library in root.glob("lib/*-linux-*/*.so*")}
    return tuple(sorted(folders))
