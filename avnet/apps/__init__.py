"""What the commands do: paths or arrays and options in, results as dataclasses out; nothing is printed.

Progress, and what is left out, is told to a listener (`avnet.events`), so that a terminal and a web page can show it.
"""
