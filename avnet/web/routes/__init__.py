"""The addresses of the HTTP interface, a file for each thing that is asked for."""
