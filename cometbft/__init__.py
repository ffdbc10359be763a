"""The node beneath: pinned CometBFT, its configuration, local networks of it and its supervisor."""
