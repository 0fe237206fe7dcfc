"""The command `avnet`: parses options, calls an app and shows what comes back."""
