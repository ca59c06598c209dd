"""From due time to result: scheduler, worker and recovery, on DBOS."""
