"""Reading the settings once, at the edge, and saying clearly what is wrong with them."""

import errno
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as UnparsableError
from yarl import URL

from tubewarren.settings.model import Settings
from tubewarren.settings.nodes import nodes_in

DEFAULT_FILE = Path("tubewarren.toml")
_PREFIX = "TUBEWARREN_"
_SECRETS_DIR = "TUBEWARREN_SECRETS_DIR"
_NOT_SETTINGS = ("TUBEWARREN_CONFIG", _SECRETS_DIR, "TUBEWARREN_TEST_")
"""The environment's other names: the place of the files themselves, and what only the tests read."""
_SECRETS = (("broker_url",), ("store", "ledger"), ("youtube", "options"), ("youtube", "presets"), ("alarms", "urls"))
_TELLING_NAME = re.compile(r"pass|token|secret|cookie|auth|credential", re.IGNORECASE)


class SettingsError(Exception):
    """The settings are wrong; the message names each wrong one and what it may be."""


def read_settings(flags: Mapping[str, Any], config_file: Path | None = None) -> Settings:
    """Read flags, then the environment, then secrets, then the file; the first that names a setting wins.

    Secrets are files in the folder `TUBEWARREN_SECRETS_DIR`, each called as a variable and holding its value.

    Args:
        flags: nested like the file, such as `{"downloader": {"concurrency": 4}}`.
        config_file: None means `TUBEWARREN_CONFIG`, or `tubewarren.toml` in this folder when there is one.

    Raises:
        SettingsError: an unknown setting, a wrong value, or a file that cannot be read.
    """
    file = config_file or _named_file()
    secrets = os.environ.get(_SECRETS_DIR)
    unknown = list(_unknown_variables((*os.environ, *_names_in(secrets))))
    if unknown:
        raise SettingsError("\n".join(unknown))
    try:
        read = _class_for(file, secrets)(**flags)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaints(error))) from error
    except UnparsableError as error:
        raise SettingsError("\n".join(_unparsable(os.environ)) or str(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{error.filename or file}: cannot be read: {error.strerror}") from error
    # Of the one class that everybody knows, so that equal settings are equal.
    return Settings.model_construct(**dict(read))


def shown(settings: Settings) -> dict[str, Any]:
    """The effective values as JSON knows them, with every secret masked."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    if settings.broker_url is not None:
        nodes = nodes_in(settings.broker_url.get_secret_value())
        values["broker_url"] = ", ".join(_mask(SecretStr(node)) for node in nodes)
    if settings.store.ledger is not None:
        values["store"]["ledger"] = _mask(settings.store.ledger)
    # Nothing of these is harmless: the host may be the name of a chat, and the path its key.
    values["alarms"]["urls"] = [masked_scheme(url) for url in settings.alarms.urls]
    for name in ("options", "presets"):
        values["youtube"][name] = _masked("", values["youtube"][name])
    return values


def masked_scheme(url: SecretStr) -> str:
    """Only the kind of an address, such as `discord://***`."""
    return f"{url.get_secret_value().partition('://')[0]}://***"


def _named_file() -> Path | None:
    named = os.environ.get("TUBEWARREN_CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _names_in(secrets: str | None) -> list[str]:
    try:
        return [path.name for path in Path(secrets).iterdir()] if secrets else []
    except OSError as error:
        raise SettingsError(f"{_SECRETS_DIR}: {secrets} cannot be read: {error.strerror}") from error


def _class_for(file: Path | None, secrets: str | None) -> type[Settings]:
    if file is not None:
        file.stat()
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    class Read(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_secrets = (NestedSecretsSettingsSource(file_secret_settings, secrets),) if secrets else ()
            from_file = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
            return (init_settings, env_settings, *from_secrets, *from_file)

    return Read


def _unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """The library passes over variables that it does not know, so a typing error would go unnoticed."""
    known = {name.upper() for name in _variables(Settings, "")}
    for name in environment:
        if not name.upper().startswith(_PREFIX) or name.upper().startswith(_NOT_SETTINGS):
            continue
        spelled = name.upper().removeprefix(_PREFIX)
        if spelled not in known:
            near = get_close_matches(spelled, known, n=1)
            hint = f" Did you mean {_PREFIX}{near[0]}?" if near else " `svc config show` lists what there is."
            yield f"{name}: there is no such setting.{hint}"


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _variables(kind, f"{prefix}{name}__")


def _complaints(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "settings"
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(str(problem["loc"][-1]), _siblings(problem["loc"]), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield f"{place}: there is no such setting.{hint}"
        else:
            got = "" if _may_hold_a_secret(problem["loc"]) else f" (got {problem['input']!r})"
            yield f"{place}: {problem['msg'].removeprefix('Value error, ')}{got}"


def _may_hold_a_secret(place: tuple[int | str, ...]) -> bool:
    """Whether a secret stands at this place, or somewhere below it."""
    return any(secret[: len(place)] == place[: len(secret)] for secret in _SECRETS)


def _unparsable(environment: Mapping[str, str]) -> Iterator[str]:
    """The library names only the section, and not the variable that a person has to correct."""
    of_json = {*_sections(Settings), *_mappings(Settings, _PREFIX)}
    for name, text in environment.items():
        if name.upper() in of_json and not _is_json(text):
            yield f'{name}: write a JSON object, such as {{"name": "value"}}'


def _mappings(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Mapping:
            yield f"{prefix}{name.upper()}"
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _mappings(field.annotation, f"{prefix}{name.upper()}__")


def _sections(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"{_PREFIX}{name.upper()}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _siblings(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place[:-1]:
        kind = model.model_fields[str(part)].annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
    return list(model.model_fields)


def _mask(secret: SecretStr) -> str:
    try:
        url = URL(secret.get_secret_value())
        return str(url.with_password("***")) if url.password else str(url)
    except ValueError:
        return "***"


def _masked(name: str, value: object) -> object:
    """An option of yt-dlp's, which may be a password, or an address with one in it."""
    match value:
        case Mapping():
            return {key: _masked(f"{name} {key}", part) for key, part in value.items()}
        case list():
            return [_masked(name, part) for part in value]
        case str() if value and _TELLING_NAME.search(name):
            return "***"
        case str() if "@" in value:
            return _mask(SecretStr(value))
        case _:
            return value
