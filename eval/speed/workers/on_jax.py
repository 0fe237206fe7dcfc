"""What workers that run on JAX have in common."""

import jax

from eval.speed.protocol import Facts


def device_peak() -> int | None:
    """The most memory that was held on the first accelerator, bytes; None on a CPU."""
    statistics = jax.local_devices()[0].memory_stats()
    return None if statistics is None else statistics.get("peak_bytes_in_use")


def facts() -> Facts:
    """The library and the device."""
    device = jax.devices()[0]
    return {"library": f"jax {jax.__version__}", "device": f"{device.platform} {device.device_kind}"}
