package main

import (
	"fmt"
	"strings"
)

// An operation is one command as its client saw it, or, where the client never heard, as the log shows it.
//
//	apply      the command became the commit that made the stream's version `version`
//	unchanged  nothing to do in version `version`
//	mismatch   If-Match asked for `expected`, the stream had `version`
//	reject     refused for the reason `slug`, with the number that the answer names where there is one
type operation struct {
	Stream string `json:"stream"`
	Call   int64  `json:"call"`
	Return int64  `json:"return"`
	Kind   string `json:"kind"`
	Id     string `json:"id"` // of the attempt, for people

	Command  string `json:"command"`
	Expected *int64 `json:"expected,omitempty"` // If-Match
	Version  int64  `json:"version"`
	Slug     string `json:"slug,omitempty"`
	Named    *int64 `json:"named,omitempty"` // a number out of the rejection's text

	Sku       string `json:"sku,omitempty"`
	Quantity  int64  `json:"quantity,omitempty"`
	Delta     int64  `json:"delta,omitempty"`
	Reference string `json:"reference,omitempty"`
	Order     string `json:"order,omitempty"`
	Line      int64  `json:"line,omitempty"`
	Customer  string `json:"customer,omitempty"`
	Currency  string `json:"currency,omitempty"`
}

func (op operation) check() error {
	switch op.Kind {
	case "apply", "unchanged", "mismatch", "reject":
	default:
		return fmt.Errorf("kind %q is unknown", op.Kind)
	}
	if op.Call > op.Return {
		return fmt.Errorf("%s returns before it is called", op.Id)
	}
	if !strings.HasPrefix(op.Stream, "stock-") && !strings.HasPrefix(op.Stream, "cart-") {
		return fmt.Errorf("no model of stream %q", op.Stream)
	}
	return nil
}
