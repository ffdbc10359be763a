// Only marks the folder: the program is built with -modfile=cometbft/go.mod, so with the node's pinned modules.
module settlement-chain/cometbft

go 1.22.11
