// Writes one message of every kind, every field set, as CometBFT's own Go types encode it:
// a line each: Request or Response, the bytes in hex, the same as protobuf text. See README.md.
package main

import (
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	crypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	types "github.com/cometbft/cometbft/proto/tendermint/types"
)

var (
	at        = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	key       = crypto.PublicKey{Sum: &crypto.PublicKey_Ed25519{Ed25519: []byte("ed25519 key of thirty-two bytes.")}}
	update    = abci.ValidatorUpdate{PubKey: key, Power: 10}
	validator = abci.Validator{Address: []byte("address"), Power: 11}
	wrong     = []abci.Misbehavior{{Type: abci.MisbehaviorType_LIGHT_CLIENT_ATTACK, Validator: validator, Height: 12, Time: at, TotalVotingPower: 13}}
	votes     = abci.CommitInfo{Round: 14, Votes: []abci.VoteInfo{{Validator: validator, BlockIdFlag: types.BlockIDFlagCommit}}}
	extended  = abci.ExtendedCommitInfo{Round: 15, Votes: []abci.ExtendedVoteInfo{{Validator: validator, VoteExtension: []byte("extension"), ExtensionSignature: []byte("signature"), BlockIdFlag: types.BlockIDFlagNil}}}
	snapshot  = abci.Snapshot{Height: 16, Format: 17, Chunks: 18, Hash: []byte("hash"), Metadata: []byte("metadata")}
	age       = 19*time.Second + 20
	params    = types.ConsensusParams{
		Block:     &types.BlockParams{MaxBytes: 21, MaxGas: 22},
		Evidence:  &types.EvidenceParams{MaxAgeNumBlocks: 23, MaxAgeDuration: age, MaxBytes: 24},
		Validator: &types.ValidatorParams{PubKeyTypes: []string{"ed25519"}},
		Version:   &types.VersionParams{App: 25},
		Abci:      &types.ABCIParams{VoteExtensionsEnableHeight: 26},
	}
	events = []abci.Event{{Type: "type", Attributes: []abci.EventAttribute{{Key: "key", Value: "value", Index: true}}}}
	txs    = [][]byte{[]byte("first"), []byte("second")}
	b      = func(s string) []byte { return []byte(s) }
)

func main() {
	for _, request := range []*abci.Request{
		abci.ToRequestEcho("message"),
		abci.ToRequestFlush(),
		abci.ToRequestInfo(&abci.RequestInfo{Version: "version", BlockVersion: 1, P2PVersion: 2, AbciVersion: "2.0.0"}),
		abci.ToRequestInitChain(&abci.RequestInitChain{Time: at, ChainId: "chain", ConsensusParams: &params, Validators: []abci.ValidatorUpdate{update}, AppStateBytes: b("state"), InitialHeight: 3}),
		abci.ToRequestQuery(&abci.RequestQuery{Data: b("data"), Path: "path", Height: 4, Prove: true}),
		abci.ToRequestCheckTx(&abci.RequestCheckTx{Tx: b("tx"), Type: abci.CheckTxType_Recheck}),
		abci.ToRequestCommit(),
		abci.ToRequestListSnapshots(&abci.RequestListSnapshots{}),
		abci.ToRequestOfferSnapshot(&abci.RequestOfferSnapshot{Snapshot: &snapshot, AppHash: b("app hash")}),
		abci.ToRequestLoadSnapshotChunk(&abci.RequestLoadSnapshotChunk{Height: 5, Format: 6, Chunk: 7}),
		abci.ToRequestApplySnapshotChunk(&abci.RequestApplySnapshotChunk{Index: 8, Chunk: b("chunk"), Sender: "sender"}),
		abci.ToRequestPrepareProposal(&abci.RequestPrepareProposal{MaxTxBytes: 9, Txs: txs, LocalLastCommit: extended, Misbehavior: wrong, Height: 30, Time: at, NextValidatorsHash: b("next"), ProposerAddress: b("proposer")}),
		abci.ToRequestProcessProposal(&abci.RequestProcessProposal{Txs: txs, ProposedLastCommit: votes, Misbehavior: wrong, Hash: b("hash"), Height: 31, Time: at, NextValidatorsHash: b("next"), ProposerAddress: b("proposer")}),
		abci.ToRequestExtendVote(&abci.RequestExtendVote{Hash: b("hash"), Height: 32, Time: at, Txs: txs, ProposedLastCommit: votes, Misbehavior: wrong, NextValidatorsHash: b("next"), ProposerAddress: b("proposer")}),
		abci.ToRequestVerifyVoteExtension(&abci.RequestVerifyVoteExtension{Hash: b("hash"), ValidatorAddress: b("address"), Height: 33, VoteExtension: b("extension")}),
		abci.ToRequestFinalizeBlock(&abci.RequestFinalizeBlock{Txs: txs, DecidedLastCommit: votes, Misbehavior: wrong, Hash: b("hash"), Height: 34, Time: at, NextValidatorsHash: b("next"), ProposerAddress: b("proposer")}),
	} {
		raw, err := request.Marshal()
		if err != nil {
			panic(err)
		}
		fmt.Printf("Request\t%x\t%s\n", raw, request)
	}
	for _, response := range []*abci.Response{
		abci.ToResponseException("error"),
		abci.ToResponseEcho("message"),
		abci.ToResponseFlush(),
		abci.ToResponseInfo(&abci.ResponseInfo{Data: "data", Version: "version", AppVersion: 1, LastBlockHeight: 2, LastBlockAppHash: b("hash")}),
		abci.ToResponseInitChain(&abci.ResponseInitChain{ConsensusParams: &params, Validators: []abci.ValidatorUpdate{update}, AppHash: b("hash")}),
		abci.ToResponseQuery(&abci.ResponseQuery{Code: 3, Log: "log", Info: "info", Index: 4, Key: b("key"), Value: b("value"), ProofOps: &crypto.ProofOps{Ops: []crypto.ProofOp{{Type: "type", Key: b("key"), Data: b("data")}}}, Height: 5, Codespace: "space"}),
		abci.ToResponseCheckTx(&abci.ResponseCheckTx{Code: 6, Data: b("data"), Log: "log", Info: "info", GasWanted: 7, GasUsed: 8, Events: events, Codespace: "space"}),
		abci.ToResponseCommit(&abci.ResponseCommit{RetainHeight: 9}),
		abci.ToResponseListSnapshots(&abci.ResponseListSnapshots{Snapshots: []*abci.Snapshot{&snapshot}}),
		abci.ToResponseOfferSnapshot(&abci.ResponseOfferSnapshot{Result: abci.ResponseOfferSnapshot_REJECT_SENDER}),
		abci.ToResponseLoadSnapshotChunk(&abci.ResponseLoadSnapshotChunk{Chunk: b("chunk")}),
		abci.ToResponseApplySnapshotChunk(&abci.ResponseApplySnapshotChunk{Result: abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT, RefetchChunks: []uint32{1, 300}, RejectSenders: []string{"sender"}}),
		abci.ToResponsePrepareProposal(&abci.ResponsePrepareProposal{Txs: txs}),
		abci.ToResponseProcessProposal(&abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}),
		abci.ToResponseExtendVote(&abci.ResponseExtendVote{VoteExtension: b("extension")}),
		abci.ToResponseVerifyVoteExtension(&abci.ResponseVerifyVoteExtension{Status: abci.ResponseVerifyVoteExtension_REJECT}),
		abci.ToResponseFinalizeBlock(&abci.ResponseFinalizeBlock{Events: events, TxResults: []*abci.ExecTxResult{{Code: 1, Data: b("data"), Log: "log", Info: "info", GasWanted: 2, GasUsed: 3, Events: events, Codespace: "space"}}, ValidatorUpdates: []abci.ValidatorUpdate{update}, ConsensusParamUpdates: &params, AppHash: b("hash")}),
	} {
		raw, err := response.Marshal()
		if err != nil {
			panic(err)
		}
		fmt.Printf("Response\t%x\t%s\n", raw, response)
	}
}
