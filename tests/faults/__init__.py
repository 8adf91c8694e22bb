"""Every system call that changes the disk, made to fail once; see `tests.faults.harness`."""
