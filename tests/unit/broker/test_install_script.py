import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "deploy" / "install-rabbitmq"


def install(*arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    command = ["/bin/bash", str(SCRIPT), *arguments]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_nothing_is_done_or_said_where_a_private_copy_is_there(tmp_path: Path) -> None:
    scripts = tmp_path / "rabbitmq-server/root/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin"
    scripts.mkdir(parents=True)
    (scripts / "rabbitmq-server").touch()

    result = install("--private", str(tmp_path))

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_system_without_apt_is_told_in_one_sentence_what_to_do(tmp_path: Path) -> None:
    result = install("--private", str(tmp_path), path=str(tmp_path))

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "install the package rabbitmq-server" in result.stderr
    assert "TUBEWARREN_BROKER_URL" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_told_apart_from_failure() -> None:
    assert install().returncode == 2
    assert install("--unknown").returncode == 2
