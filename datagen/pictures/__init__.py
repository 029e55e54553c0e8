"""Picture files: headers, decoding, encoding, pyramids, trees of folders."""
