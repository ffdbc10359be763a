"""From bytes to facts: transactions, routing, blocks, proposals, queries, genesis."""
