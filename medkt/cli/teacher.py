"""The command `medkt teacher`: convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

teacher_app = typer.Typer(help="Teachers that were trained elsewhere.", no_args_is_help=True)


@teacher_app.callback()
def _teacher() -> None:
    """Keep `convert` a command of its own: typer would drop the name of a lone one."""


@teacher_app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="Checkpoint or state dict: .safetensors, or as torch.save wrote it.")],
    out: Annotated[Path, typer.Option(help="The file to write, X.safetensors; must not exist.")],
    architecture: Annotated[
        str, typer.Option(help="densenet121, densenet40, torchxrayvision-densenet121 or efficientnet-lite0.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            help="What its outputs mean, in their order: names between commas, or the list chexpert, "
            "chexclusion or torchxrayvision. Default: as the file says, else not known.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a teacher of a checkpoint from elsewhere; no code in it is ever run."""
    from medkt.settings import TeacherArchitecture
    from medkt.teachers.conversion import convert as convert_checkpoint
    from medkt_eval.errors import InputError

    known = get_args(TeacherArchitecture)
    if architecture not in known:
        raise InputError(f"--architecture {architecture}: not known; expected one of {', '.join(known)}")
    teacher = convert_checkpoint(file, out, cast(TeacherArchitecture, architecture), labels)
    if teacher.labels is None:
        meaning = "not known (--labels tells), so it can teach by attention and hints, not be tested or distilled"
    else:
        meaning = ", ".join(label or "-" for label in teacher.labels)
    print(f"{out}: {architecture}. Outputs: {meaning}")
    print(f'In the study file: architecture = "{architecture}", weights = "{out}"')
