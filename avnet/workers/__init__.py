"""Work spread over the processes of this machine, and what they ask of it."""
