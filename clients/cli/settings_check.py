"""The settings in the environment, looked at before a house is started: its own refusal would be a traceback."""

import re
from collections.abc import Mapping

from clients.cli.failing import wrong_usage

#: Each setting that is not free text: what it may be, and how to say that.
_PORT = re.compile(r"0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])", re.ASCII)
_COUNT = re.compile(r"0*[1-9]\d{0,5}", re.ASCII)
_YES_NO = re.compile(r"true|false|yes|no|on|off|1|0|t|f|y|n", re.IGNORECASE)
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "CARDKEEP_PORT": (_PORT, "a number from 1 to 65535, such as 7700"),
    "CARDKEEP_METRICS_PORT": (_PORT, "a number from 1 to 65535, such as 7701"),
    "CARDKEEP_FRONT_ENDS": (_COUNT, "a number from 1"),
    "CARDKEEP_FRONT_DOOR": (re.compile("fast|plain"), "fast or plain"),
    "CARDKEEP_ACTORS_MAX": (_COUNT, "a number from 1"),
    "CARDKEEP_DURABILITY": (re.compile("strict|weak"), "strict or weak"),
    "CARDKEEP_REFLECTION": (_YES_NO, "true or false"),
    "CARDKEEP_LOG_LEVEL": (re.compile("DEBUG|INFO|WARNING|ERROR|CRITICAL"), "DEBUG, INFO, WARNING or ERROR"),
}


def require_settings(environment: Mapping[str, str]) -> None:
    """Raises CommandFailed (typed wrong) for the first setting that a house would not start with."""
    for name, (form, words) in _FORMS.items():
        value = environment.get(name)
        if value is not None and form.fullmatch(value) is None:
            raise wrong_usage(f"{name}={value!r} is no such setting.", f"Give {words}; or unset {name}.")
