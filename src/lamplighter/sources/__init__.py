"""Connected sources: what each one holds, as documents with their access lists."""
