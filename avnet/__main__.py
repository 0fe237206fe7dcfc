"""`python -m avnet`: the command `avnet`."""

from avnet.cli.main import main

if __name__ == "__main__":
    main()
