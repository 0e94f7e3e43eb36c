"""How wsgikit is served: the demo, and the settings of the servers around it."""
