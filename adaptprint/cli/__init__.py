"""The command line: parse, call a workflow, show its result. No logic."""
