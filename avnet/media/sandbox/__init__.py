"""Files from strangers are decoded in a process that can do nothing else, and may die of them.

`sandbox.Sandbox` starts a program that calls `decoder.serve`. For every file that program forks a worker, shuts it in
(`confinement`) and lets it read the file, which the parent has opened; what it sends back is plain data (`messages`).
`confinement.protection` says what of all that is in force on a machine.
"""
