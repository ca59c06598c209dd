"""The command line: thin commands over the modules below."""
