// Checks by porcupine whether what clients saw of each stream can be explained by one order of its operations that agrees
// with real time: linearizability, stream by stream.
//
//	linearizability [-timeout SECONDS] HISTORY.jsonl
//
// A line of the history is one operation (see operation.go). Prints one JSON object per stream that is not linearizable or
// could not be decided in time, then one with the counts. Exit code 0: all are; 1: some are not; 2: undecided or bad input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const lineBytesMax = 1 << 20

type verdict struct {
	Stream     string     `json:"stream"`
	Result     string     `json:"result"`
	Operations int        `json:"operations"`
	Explained  int        `json:"explained"` // the longest beginning that could be put into an order
	Left       *operation `json:"left,omitempty"`
}

func read(path string) (map[string][]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	streams := map[string][]porcupine.Operation{}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 64<<10), lineBytesMax)
	for number := 1; lines.Scan(); number++ {
		var op operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if err := op.check(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		streams[op.Stream] = append(streams[op.Stream], porcupine.Operation{Input: op, Call: op.Call, Return: op.Return})
	}
	return streams, lines.Err()
}

// judge runs porcupine over one stream and, where it fails, names an operation that no order could place.
func judge(stream string, history []porcupine.Operation, timeout time.Duration) verdict {
	result, info := porcupine.CheckOperationsVerbose(modelOf(stream), history, timeout)
	judged := verdict{Stream: stream, Result: string(result), Operations: len(history)}
	if result == porcupine.Ok {
		judged.Explained = len(history)
		return judged
	}
	placed := map[int]bool{}
	for _, partition := range info.PartialLinearizations() {
		for _, order := range partition {
			if len(order) > len(placed) {
				placed = map[int]bool{}
				for _, id := range order {
					placed[id] = true
				}
			}
		}
	}
	judged.Explained = len(placed)
	for id, item := range history {
		if op := item.Input.(operation); !placed[id] && (judged.Left == nil || op.Return < judged.Left.Return) {
			judged.Left = &op
		}
	}
	return judged
}

func main() {
	seconds := flag.Float64("timeout", 60, "for one stream")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	streams, err := read(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "linearizability:", err)
		os.Exit(2)
	}
	out, code, operations, bad := json.NewEncoder(os.Stdout), 0, 0, 0
	for stream, history := range streams {
		judged := judge(stream, history, time.Duration(*seconds*float64(time.Second)))
		operations += len(history)
		if judged.Result == string(porcupine.Ok) {
			continue
		}
		bad++
		_ = out.Encode(judged)
		if judged.Result == string(porcupine.Illegal) {
			code = 1
		} else if code == 0 {
			code = 2
		}
	}
	_ = out.Encode(map[string]int{"streams": len(streams), "operations": operations, "bad": bad})
	os.Exit(code)
}
