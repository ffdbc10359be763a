//go:build tools

// Package tools keeps the node's command among this module's requirements, so that go.sum pins everything its build needs.
package tools

import _ "github.com/cometbft/cometbft/cmd/cometbft"
