"""Breaking things on purpose: faults as data, experiments with a hypothesis, and everything put back afterwards."""
