"""`python -m fgstp`: the same as the command `fgstp`."""

from fgstp.cli import main

if __name__ == "__main__":
    main()
