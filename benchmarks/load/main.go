// Sends transactions to CometBFT nodes and measures when they are in a committed block: see benchmarks/chain.py.
//
// Closed loop: at most -window transactions wait at a time. Paced: one every 1/-rate seconds, whatever the nodes do,
// and latency counts from the moment that was planned, so a stall is not hidden by sending less.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	nodes          []string
	batch, senders int
	window         int
	rate           float64
	patience       time.Duration
	setup          []int
	skip, count    int
	file           string
	randomSize     int
}

// Result is what one run prints, as JSON. Times in milliseconds unless named otherwise.
type Result struct {
	Sent         int            `json:"sent"`
	Committed    int            `json:"committed"` // with code 0
	Refused      int            `json:"refused"`   // in a block with another code
	Seconds      float64        `json:"seconds"`   // from the first sent to the last in a block
	Rate         float64        `json:"rate"`      // committed a second
	P50          float64        `json:"p50"`
	P95          float64        `json:"p95"`
	P99          float64        `json:"p99"`
	Blocks       int            `json:"blocks"`        // with a transaction of ours
	GeneratorCPU float64        `json:"generator_cpu"` // seconds
	Refusals     map[string]int `json:"refusals"`
}

func main() {
	o := read()
	txs := o.load()
	watch, err := newWatcher(o.nodes[0])
	must(err)
	send := newSender(o.nodes, o.senders)
	done := 0
	for _, size := range o.setup {
		lot := txs[done : done+size]
		result := run(watch, send, lot, options{batch: size, window: size, patience: o.patience}, true)
		if result.Committed != size {
			must(fmt.Errorf("setup: %d of %d committed, refusals %v", result.Committed, size, result.Refusals))
		}
		done += size
	}
	result := run(watch, send, txs[done+o.skip:done+o.skip+o.count], o, false)
	must(json.NewEncoder(os.Stdout).Encode(result))
}

// run sends the transactions and waits until all are in blocks, or none came for the patience.
func run(watch *watcher, send *sender, txs []string, o options, first bool) Result {
	sent := make([]time.Time, len(txs))
	place := make(map[string]int, len(txs))
	for i, tx := range txs {
		place[tx] = i
	}
	tokens := make(chan struct{}, max(o.window, o.batch))
	before := cpu()
	go func() {
		start := time.Now()
		for i := 0; i < len(txs); i += o.batch {
			end := min(i+o.batch, len(txs))
			if o.rate > 0 {
				planned := start.Add(time.Duration(float64(i) / o.rate * float64(time.Second)))
				time.Sleep(time.Until(planned))
				stamp(sent[i:end], planned)
			} else {
				for range txs[i:end] {
					tokens <- struct{}{}
				}
				stamp(sent[i:end], time.Now())
			}
			node := 0
			if !first {
				node = i / o.batch % send.nodes()
			}
			send.post(node, txs[i:end])
		}
	}()
	result := Result{Sent: len(txs), Refusals: map[string]int{}}
	var latencies []float64
	var last time.Time
	idle := time.NewTimer(o.patience)
	for len(place) > 0 {
		select {
		case block := <-watch.blocks:
			ours := 0
			for k, tx := range block.txs {
				i, known := place[tx]
				if !known {
					continue
				}
				delete(place, tx)
				ours++
				if o.rate == 0 {
					<-tokens
				}
				if block.results[k].Code != 0 {
					result.Refused++
					result.Refusals[fmt.Sprintf("%d %s", block.results[k].Code, name(block.results[k].Log))]++
					continue
				}
				latencies = append(latencies, block.seen.Sub(sent[i]).Seconds()*1000)
			}
			if ours > 0 {
				result.Blocks++
				last = block.seen
				idle.Reset(o.patience)
			}
		case err := <-send.failed:
			must(err)
		case err := <-watch.failed:
			must(err)
		case <-idle.C:
			result.Refusals["never in a block"] = len(place)
			place = nil
		}
	}
	result.Committed = len(latencies)
	result.GeneratorCPU = cpu() - before
	if result.Committed > 0 {
		result.Seconds = last.Sub(sent[0]).Seconds()
		result.Rate = float64(result.Committed) / result.Seconds
		sort.Float64s(latencies)
		result.P50, result.P95, result.P99 = at(latencies, 50), at(latencies, 95), at(latencies, 99)
	}
	return result
}

// name is what a log of ours begins with: the name of the code.
func name(log string) string {
	name, _, _ := strings.Cut(log, ":")
	return name
}

func stamp(times []time.Time, when time.Time) {
	for i := range times {
		times[i] = when
	}
}

// at is the percentile by nearest rank.
func at(sorted []float64, percent int) float64 {
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func cpu() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// load gives the transactions in base64, as the RPC takes and shows them.
func (o options) load() []string {
	wanted := o.skip + o.count
	for _, size := range o.setup {
		wanted += size
	}
	txs := make([]string, 0, wanted)
	if o.file == "" {
		for len(txs) < wanted {
			txs = append(txs, base64.StdEncoding.EncodeToString(randomPair(o.randomSize)))
		}
		return txs
	}
	file, err := os.Open(o.file)
	must(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for len(txs) < wanted && lines.Scan() {
		raw, err := hex.DecodeString(lines.Text())
		must(err)
		txs = append(txs, base64.StdEncoding.EncodeToString(raw))
	}
	must(lines.Err())
	if len(txs) < wanted {
		must(fmt.Errorf("expected %d transactions in %s, came %d: write more", wanted, o.file, len(txs)))
	}
	return txs
}

// randomPair is a transaction that CometBFT's kvstore takes: key=value, hex digits around one equals sign.
func randomPair(size int) []byte {
	raw := make([]byte, size/2+1)
	_, err := rand.Read(raw)
	must(err)
	pair := []byte(hex.EncodeToString(raw))[:size]
	pair[size/4] = '='
	return pair
}

func read() options {
	var o options
	nodes := flag.String("nodes", "", "RPC addresses, host:port, with commas between; blocks are watched at the first")
	setup := flag.String("setup", "", "sizes of first lots, with commas between: each is committed before the next is sent")
	flag.StringVar(&o.file, "file", "", "transactions, one a line in hex; none: random pairs for kvstore")
	flag.IntVar(&o.randomSize, "size", 250, "bytes of a random pair")
	flag.IntVar(&o.skip, "skip", 0, "transactions left out after the setup: an earlier run sent them")
	flag.IntVar(&o.count, "count", 1000, "transactions to measure")
	flag.IntVar(&o.batch, "batch", 50, "transactions in one request")
	flag.IntVar(&o.senders, "senders", 2, "connections to each node")
	flag.IntVar(&o.window, "window", 6000, "transactions that may wait, in closed loop")
	flag.Float64Var(&o.rate, "rate", 0, "transactions a second; 0: closed loop")
	flag.DurationVar(&o.patience, "patience", 30*time.Second, "without a block of ours until the rest counts as lost")
	flag.Parse()
	o.nodes = strings.Split(*nodes, ",")
	if o.rate > 0 {
		o.batch = 1
	}
	for _, size := range strings.FieldsFunc(*setup, func(c rune) bool { return c == ',' }) {
		number, err := strconv.Atoi(size)
		must(err)
		o.setup = append(o.setup, number)
	}
	return o
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
