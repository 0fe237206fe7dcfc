"""The page and its HTTP interface: uploads, jobs in worker processes, and what keeps strangers out."""
