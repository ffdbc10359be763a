"""The way to the chain and back: keys, transactions, the node's RPC, the durable outbox, the follower."""
