"""A fleet that does not exist: what its devices would measure and report, and a client that sends it in."""
