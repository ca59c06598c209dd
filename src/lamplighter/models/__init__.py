"""Language models: from the name in an agent file to something that answers."""
