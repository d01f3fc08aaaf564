"""The command `medkt teacher`: convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

teacher_app = typer.Typer(help="Use teachers that were trained by other programs.", no_args_is_help=True)


@teacher_app.callback()
def _teacher() -> None:
    """Keep `convert` a subcommand; typer would drop its name if it were the only command without a callback."""


@teacher_app.command()
def convert(
    file: Annotated[
        Path, typer.Argument(help="Checkpoint or state dict: .safetensors, or a file written by torch.save.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write, X.safetensors; must not exist.")],
    architecture: Annotated[
        str, typer.Option(help="densenet121, densenet40, torchxrayvision-densenet121 or efficientnet-lite0.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            help="What its outputs mean, in their order: names separated by commas, or one of the lists chexpert, "
            "chexclusion and torchxrayvision. Default: as the file says, or unknown.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Which network of a file that holds several, such as student and teacher; the message names them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Convert a checkpoint of another program into a teacher; no code in the checkpoint is run."""
    from medkt.settings import TeacherArchitecture
    from medkt.teachers.conversion import convert as convert_checkpoint
    from medkt_eval.errors import InputError

    known = get_args(TeacherArchitecture)
    if architecture not in known:
        raise InputError(f"--architecture {architecture}: unknown; expected one of {', '.join(known)}")
    teacher = convert_checkpoint(file, out, cast(TeacherArchitecture, architecture), labels, key)
    if teacher.labels is None:
        meaning = "unknown (set --labels). It can teach by attention and hints, but cannot be tested or distilled"
    else:
        meaning = ", ".join(label or "-" for label in teacher.labels)
    print(f"{out}: {architecture}. Outputs: {meaning}")
    print(f'In the study file: architecture = "{architecture}", weights = "{out}"')
