"""What is measured, each in a process of its own: `python -m eval.speed.workers.NAME OPTIONS`.

OPTIONS is one JSON object, the fields of the module's `Options`; the program in `eval.speed` starts them. The training
step and loop are measured by `train.correspondence.pace`, in the same way.
"""
