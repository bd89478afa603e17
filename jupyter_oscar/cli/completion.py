"""``jupyter oscar completion``: what a shell needs to complete our commands."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the lines to put into your shell's start-up file; they complete `jupyter-oscar …`.

    For bash: jupyter oscar completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(ctx.find_root().command, {}, "jupyter-oscar", "_JUPYTER_OSCAR_COMPLETE").source())
