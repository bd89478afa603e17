"""``python -m jupyter_oscar …`` is ``jupyter oscar …``."""

from jupyter_oscar.cli import main

if __name__ == "__main__":
    main(prog_name="jupyter oscar")
