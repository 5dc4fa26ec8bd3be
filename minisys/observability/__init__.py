"""What a system says about itself, which of it wakes somebody, and who repairs it: metrics, SLOs, alerts, traces."""
