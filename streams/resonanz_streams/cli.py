"""``resonanz``: the command line. Each command is a few lines; the work is done elsewhere.

Data goes to standard output, everything for a person to standard error. Exit codes: 0 done, 1 the work
failed, 2 wrong usage or configuration.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

import click

from resonanz_streams.commands import care, compare, doctor, figures, files, reports, serve, up
from resonanz_streams.errors import ConfigurationError, ResonanzError
from resonanz_streams.logs import say_error

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("resonanz"), prog_name="resonanz")
def cli() -> None:
    """Live interaction metrics: likes, comments and shares per follower and per potential.

    Begin with: resonanz up --demo
    """


for _command in (
    *up.COMMANDS,
    *serve.COMMANDS,
    *files.COMMANDS,
    *compare.COMMANDS,
    *figures.COMMANDS,
    *reports.COMMANDS,
    *care.COMMANDS,
    *doctor.COMMANDS,
):
    cli.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Mistakes of the user end in a sentence, not a traceback."""
    try:
        code = cli.main(args=arguments, prog_name="resonanz", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigurationError as error:
        say_error(error)
        return 2
    except ResonanzError as error:
        say_error(error)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (head, less) has gone: that is no failure, and nothing can be said.
        sys.stdout = None
        return 0
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    sys.exit(run())
