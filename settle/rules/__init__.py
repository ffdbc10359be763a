"""For rule authors: text to tree, the formatter, bundles from plugin folders, vectors."""
