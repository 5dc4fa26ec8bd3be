"""The bench that every chapter stands on: workloads, traces, simulation, processes, load, charts, predictions."""
