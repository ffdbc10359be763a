package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

type txResult struct {
	Code int    `json:"code"`
	Log  string `json:"log"`
}

// block is a committed block: CometBFT publishes NewBlock after the application's Commit.
type block struct {
	seen    time.Time
	txs     []string
	results []txResult
}

type watcher struct {
	blocks chan block
	failed chan error
}

func newWatcher(node string) (*watcher, error) {
	connection, _, err := websocket.DefaultDialer.Dial("ws://"+node+"/websocket", nil)
	if err != nil {
		return nil, err
	}
	ask := map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": map[string]string{"query": "tm.event='NewBlock'"},
	}
	if err := connection.WriteJSON(ask); err != nil {
		return nil, err
	}
	if _, _, err := connection.ReadMessage(); err != nil { // the answer to the subscription
		return nil, err
	}
	w := &watcher{make(chan block, 1000), make(chan error, 1)}
	go w.read(connection)
	return w, nil
}

func (w *watcher) read(connection *websocket.Conn) {
	for {
		_, message, err := connection.ReadMessage()
		seen := time.Now()
		if err != nil {
			w.failed <- fmt.Errorf("watching blocks: %w", err)
			return
		}
		var event struct {
			Result struct {
				Data struct {
					Value struct {
						Block struct {
							Data struct {
								Txs []string `json:"txs"`
							} `json:"data"`
						} `json:"block"`
						Finalized struct {
							TxResults []txResult `json:"tx_results"`
						} `json:"result_finalize_block"`
					} `json:"value"`
				} `json:"data"`
			} `json:"result"`
		}
		if err := json.Unmarshal(message, &event); err != nil {
			w.failed <- fmt.Errorf("a block event: %w", err)
			return
		}
		found := event.Result.Data.Value
		w.blocks <- block{seen, found.Block.Data.Txs, found.Finalized.TxResults}
	}
}

type sender struct {
	queues []chan []string
	failed chan error
}

func newSender(nodes []string, each int) *sender {
	s := &sender{failed: make(chan error, 1)}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: each}, Timeout: time.Minute}
	for _, node := range nodes {
		queue := make(chan []string, 10_000)
		s.queues = append(s.queues, queue)
		for range each {
			go s.work(client, "http://"+node, queue)
		}
	}
	return s
}

func (s *sender) nodes() int { return len(s.queues) }

func (s *sender) post(node int, txs []string) { s.queues[node] <- txs }

// work posts what is queued. CheckTx's answer does not come back (async): what it refuses is missed in the blocks.
func (s *sender) work(client *http.Client, address string, queue chan []string) {
	for txs := range queue {
		var body bytes.Buffer
		for i, tx := range txs {
			fmt.Fprintf(&body, `,{"jsonrpc":"2.0","id":%d,"method":"broadcast_tx_async","params":{"tx":"%s"}}`, i, tx)
		}
		body.WriteByte(']')
		body.Bytes()[0] = '['
		if err := post(client, address, &body); err != nil {
			select {
			case s.failed <- err:
			default:
			}
		}
	}
}

func post(client *http.Client, address string, body io.Reader) error {
	answer, err := client.Post(address, "application/json", body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK || bytes.Contains(said, []byte(`"error"`)) {
		return fmt.Errorf("%s said %s: %.300s", address, answer.Status, said)
	}
	return nil
}
