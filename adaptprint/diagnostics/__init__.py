"""Whether an adapted model may be trusted: faiss neighbours, witnesses, vetoes, the verdict."""
