"""From mentions to concepts: stages that retrieve candidates, and the linker that runs them in turn."""
