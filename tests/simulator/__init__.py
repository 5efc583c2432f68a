"""The practice host by its public interface: what it does, and that it does it every time."""
