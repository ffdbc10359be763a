"""The application's edge: ABCI over a socket, the database, configuration, logs. The only part with I/O."""
