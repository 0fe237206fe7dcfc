"""What worker processes do: each task calls an app and makes plain values and files of its result."""
