"""What an archive of any size costs: hours of cores and chips, disks, network, and which engine searches it."""
