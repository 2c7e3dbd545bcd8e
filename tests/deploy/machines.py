"""A small Debian in a folder, to install on, and to start systemd in: with namespaces and a cgroup of its own.

Of the machine's own it shares the network alone, so that its services reach the tests' broker.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fleets import wait_until

CHECKOUT = Path(__file__).parents[2]
SYSTEMD = CHECKOUT / "deploy" / "systemd"

_PACKAGES = "python3,python3-venv,systemd,dbus"
_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BOOT_PATIENCE = timedelta(minutes=2)
# They would change what belongs to the kernel, and so to everybody.
_NOT_OURS = ("systemd-sysctl", "systemd-modules-load", "systemd-udevd", "systemd-timesyncd", "console-getty")
_BOOT = """
set -e
echo $$ > "$2/cgroup.procs"
exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -ec '
  root=$1
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
  chmod 1777 "$root/tmp"
  for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
  done
  mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  mount -t tmpfs tmpfs "$root/dev/shm"
  mount -t mqueue mqueue "$root/dev/mqueue"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s pts/ptmx "$root/dev/ptmx"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  # What a service is given alone must reach its own view of the files.
  mount --make-rshared /
  cd "$root"
  exec env -i container=other PATH=/usr/sbin:/usr/bin chroot "$root" /lib/systemd/systemd --unit=multi-user.target
' boot "$1"
"""


def can_make_machines() -> str:
    """Why not, on this machine; empty when it can."""
    lacking = [name for name in ("debootstrap", "unshare", "nsenter") if shutil.which(name, path=_PATH) is None]
    if os.geteuid():
        return "making a machine takes root"
    return f"making a machine takes {', '.join(lacking)}" if lacking else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A system in a folder."""

    root: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Machine":
        """Of the release that this machine is, from where this machine gets its packages."""
        released = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        suite, root = released["VERSION_CODENAME"].strip('"'), folder / "root"
        order = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", suite, str(root), _mirror(suite)]
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        machine = cls(root)
        machine.run("systemctl", "mask", *_NOT_OURS)
        return machine

    def run(self, *command: str, status: int = 0) -> str:
        """The output of a command in it, which must end with this status."""
        return _told(["chroot", str(self.root), *command], status)

    def install(self, *flags: str, status: int = 0) -> str:
        """What the installer says; its packages are those that this machine gets."""
        wheels = self.root / "wheels"
        if not wheels.exists():
            python = self.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
            fetch = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", python]
            fetch += ["--require-hashes", "-r", str(CHECKOUT / "deploy" / "requirements.txt"), "-d", str(wheels)]
            _told(fetch)
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_CONFIG_FILE": os.devnull}
        own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        return _told([str(SYSTEMD / "install"), "--root", str(self.root), *flags], status, own | offline)

    @contextmanager
    def booted(self) -> Iterator["Booted"]:
        """Its systemd, up and running."""
        with _cgroup() as group:
            starter = subprocess.Popen(
                ["bash", "-c", _BOOT, "boot", str(self.root), str(group)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                booted = Booted(starter.pid)
                wait_until(booted.is_up, _BOOT_PATIENCE)
                yield booted
            finally:
                starter.send_signal(signal.SIGKILL)
                starter.wait()


@dataclass(frozen=True, slots=True)
class Booted:
    """A system whose systemd runs; its first process is the child of this one."""

    starter: int

    def run(self, *command: str, status: int = 0) -> str:
        """The output of a command in it, which must end with this status."""
        return _told(self._inside(*command), status)

    def answer(self, *command: str) -> str:
        """The output of a command in it, which may fail: nothing, while there is no such system yet."""
        try:
            order = self._inside(*command)
        except (IndexError, OSError):
            return ""
        return subprocess.run(order, capture_output=True, text=True, check=False).stdout

    def is_up(self) -> bool:
        """Whether it has come up."""
        return self.answer("systemctl", "is-system-running").strip() in {"running", "degraded"}

    def properties(self, unit: str, *names: str) -> Mapping[str, str]:
        """What systemd says of a unit."""
        lines = self.run("systemctl", "show", unit, "--property", ",".join(names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _inside(self, *command: str) -> list[str]:
        first = Path(f"/proc/{self.starter}/task/{self.starter}/children").read_text().split()[0]
        return [
            "nsenter",
            "-t",
            first,
            "-m",
            "-p",
            "-u",
            "-i",
            "-C",
            "-r",
            "-w",
            "env",
            "-i",
            f"PATH={_PATH}",
            *command,
        ]


@contextmanager
def _cgroup() -> Iterator[Path]:
    """A group of its own: systemd takes what it finds in the one that it starts in for its own."""
    with tempfile.TemporaryDirectory() as hierarchy:
        _told(["mount", "-t", "cgroup2", "none", hierarchy])
        group = Path(hierarchy, f"machine-{os.getpid()}")
        try:
            group.mkdir()
            yield group
        finally:
            # The processes in it end a moment after the one that was killed.
            wait_until(lambda: _is_removed(group), timedelta(seconds=30))
            _told(["umount", hierarchy])


def _is_removed(group: Path) -> bool:
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
    except OSError:
        return False
    return True


def _mirror(suite: str) -> str:
    known = _told(["apt-get", "indextargets", "--format", "$(CODENAME) $(ORIGIN) $(REPO_URI)"]).splitlines()
    return next(line.split()[2] for line in known if line.startswith((f"{suite} Debian ", f"{suite} Ubuntu ")))


def _told(order: list[str], status: int = 0, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(order, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == status, f"{order} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
