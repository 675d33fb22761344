"""The benchmarks, a module each; contestants import what they need when they run."""
