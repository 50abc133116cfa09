"""One function per command. The CLI and the Python API both call these; none of them prints."""
