"""The network, its checkpoint on disk, the source memory it carries, and how a source model is trained."""
