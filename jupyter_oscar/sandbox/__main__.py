"""``python -m jupyter_oscar.sandbox``: only the door, because child processes may import this file again."""

if __name__ == "__main__":
    import gc

    gc.disable()  # until it serves: what is loaded by then stays, and looking through it again and again takes time
    from jupyter_oscar.sandbox.command import main

    raise SystemExit(main())
