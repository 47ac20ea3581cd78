"""Has every upload exactly one outcome: bucket, ledger and queues compared."""
