"""``python -m jupyter_oscar.sandbox``: only the door, because child processes may import this file again."""

if __name__ == "__main__":
    from jupyter_oscar.sandbox.command import main

    raise SystemExit(main())
