"""One `Settings`, built once in the command line from the environment and `outerloop.toml`, passed down.

A module has the settings of one subject; `Settings` is all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from monitor.exceptions import ConfigurationError
from monitor.settings.alerting import Alerting
from monitor.settings.judging import Judging
from monitor.settings.keeping import Keeping
from monitor.settings.kinds import PREFIX
from monitor.settings.login import Login
from monitor.settings.masking import Masking, ServiceMask
from monitor.settings.retraining import Retraining
from monitor.settings.serving import LOOPBACK
from monitor.settings.slack import Slack

__all__ = ["LOOPBACK", "PREFIX", "ServiceMask", "Settings", "load_settings"]


class Settings(Masking, Keeping, Alerting, Retraining, Slack, Judging, Login, BaseSettings):
    """Everything that can be set, with its default; `docs/settings.md` is made from this class.

    The table begins with the last of the bases: so pydantic reads them.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        toml_file="outerloop.toml",
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over `outerloop.toml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def mask_key(self) -> Path:
        """Where the key of masked ids is kept when OUTERLOOP_MASK_SECRET does not give it."""
        return self.data_dir / "mask.key"


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a value is wrong; names the variable, the problem and an example.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(_explain(problem) for problem in error.errors())
        ) from error
    except ValueError as error:  # a file that is no TOML, or an env value that is no JSON list
        raise ConfigurationError(
            f"outerloop.toml or the environment cannot be read: {error}"
        ) from error


def _explain(problem: Any) -> str:
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name} is no setting of Outerloop; see docs/settings.md for those there are"
    example = (field.examples or [""])[0]
    secret = "SecretStr" in str(field.annotation)
    value = "" if secret else f"={problem['input']}"
    return f"{PREFIX}{name.upper()}{value}: {problem['msg']}; for example {PREFIX}{name.upper()}={example}"
