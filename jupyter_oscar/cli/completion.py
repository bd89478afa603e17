"""``jupyter oscar completion``: what a shell needs to complete our commands, as `jupyter oscar …` too."""

from __future__ import annotations

from typing import Final

import click

# After click's own lines, which complete `jupyter-oscar`: the same where it is typed as a command of `jupyter`, whose
# other commands are those that a shell finds.
JUPYTER: Final = {
    "bash": """
_jupyter_with_oscar() {
    if [[ ${COMP_WORDS[1]} == oscar && $COMP_CWORD -gt 1 ]]; then
        COMP_WORDS=(jupyter-oscar "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _jupyter_oscar_completion jupyter-oscar
    elif [[ $COMP_CWORD == 1 ]]; then
        local others=$(compgen -c jupyter- | sed 's/^jupyter-//' | sort -u)
        COMPREPLY=($(compgen -W "$others" -- "${COMP_WORDS[1]}"))
    fi
}
complete -o default -F _jupyter_with_oscar jupyter
""",
    "zsh": """
_jupyter_with_oscar() {
    if [[ $words[2] == oscar ]] && (( CURRENT > 2 )); then
        words=(jupyter-oscar "${words[@]:2}")
        (( CURRENT-- ))
        _jupyter_oscar_completion
    elif (( CURRENT == 2 )); then
        compadd -- ${${(k)commands[(I)jupyter-*]}#jupyter-}
    else
        _files
    fi
}
compdef _jupyter_with_oscar jupyter
""",
    "fish": """
function _jupyter_with_oscar
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l line (string join " " -- jupyter-oscar $words[3..-1] $word)
    for found in (env _JUPYTER_OSCAR_COMPLETE=fish_complete COMP_WORDS="$line" COMP_CWORD="$word" jupyter-oscar)
        set -l parts (string split "," -- $found)
        if test $parts[1] = dir
            __fish_complete_directories $word
        else if test $parts[1] = file
            __fish_complete_path $word
        else
            echo $parts[2]
        end
    end
end
complete -f -c jupyter -n "__fish_seen_subcommand_from oscar" -a "(_jupyter_with_oscar)"
""",
}


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the lines to put into your shell's start-up file; they complete `jupyter oscar …`.

    For bash: jupyter oscar completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(ctx.find_root().command, {}, "jupyter-oscar", "_JUPYTER_OSCAR_COMPLETE").source())
        click.echo(JUPYTER[shell])
