"""What Lamplighter serves over HTTP."""
