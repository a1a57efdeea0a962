package main

import (
	"strings"

	"github.com/anishathalye/porcupine"
)

// What a decider says of a command, written down from the rules at the head of its file and from nothing else of it.
type decision struct {
	slug  string // of the rejection; empty: accepted
	named *int64 // the number in its text, where the rule names one
	after state  // nil: accepted, and nothing changes
}

// A state is never changed in place: porcupine keeps the earlier ones.
type state interface {
	decide(op operation) decision
}

type versioned struct {
	version int64
	state   state
}

func modelOf(stream string) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} {
			if strings.HasPrefix(stream, "stock-") {
				return versioned{0, stock{}}
			}
			return versioned{0, cart{}}
		},
		Step: func(before, input, _ interface{}) (bool, interface{}) {
			return step(before.(versioned), input.(operation))
		},
		// One version, one state: a version is made by one operation in every order of the same operations.
		Equal: func(a, b interface{}) bool { return a.(versioned).version == b.(versioned).version },
		Hash:  func(s interface{}) uint64 { return uint64(s.(versioned).version) },
	}
}

func step(before versioned, op operation) (bool, interface{}) {
	matches := op.Expected == nil || *op.Expected == before.version
	switch op.Kind {
	case "mismatch":
		return !matches && op.Version == before.version, before
	case "unchanged":
		decided := before.state.decide(op)
		return matches && op.Version == before.version && decided.slug == "" && decided.after == nil, before
	case "reject":
		decided := before.state.decide(op)
		if !matches || decided.slug != op.Slug {
			return false, before
		}
		return decided.named == nil || op.Named == nil || *decided.named == *op.Named, before
	case "apply":
		decided := before.state.decide(op)
		if !matches || op.Version != before.version+1 || decided.slug != "" || decided.after == nil {
			return false, before
		}
		return true, versioned{op.Version, decided.after}
	}
	return false, before
}

type used struct {
	receipt bool
	name    string
}

type line struct {
	order  string
	number int64
}

type status int

const (
	open status = iota
	confirmed
	released
)

// A reservation of one line. Those of the histories are kept for longer than a round takes: none expires.
type reservation struct {
	quantity int64
	status   status
}

type stock struct {
	available    int64
	references   map[used]int64
	reservations map[line]reservation
}

func (s stock) with(change int64, receipt bool, reference string) stock {
	after := stock{s.available + change, s.references, s.reservations}
	if reference != "" {
		after.references = make(map[used]int64, len(s.references)+1)
		for key, value := range s.references {
			after.references[key] = value
		}
		after.references[used{receipt, reference}] = change
	}
	return after
}

func (s stock) having(change int64, which line, what reservation) stock {
	after := stock{s.available + change, s.references, make(map[line]reservation, len(s.reservations)+1)}
	for key, value := range s.reservations {
		after.reservations[key] = value
	}
	after.reservations[which] = what
	return after
}

func (s stock) decide(op operation) decision {
	which := line{op.Order, op.Line}
	known, there := s.reservations[which]
	switch op.Command {
	case "ReserveStock":
		switch {
		case !there && op.Quantity > s.available:
			return decision{slug: "stock-insufficient", named: &s.available}
		case !there:
			return decision{after: s.having(-op.Quantity, which, reservation{op.Quantity, open})}
		case known.quantity != op.Quantity:
			return decision{slug: "reservation-differs", named: &known.quantity}
		case known.status == released:
			return decision{slug: "reservation-released"}
		}
		return decision{}
	case "ConfirmReservation":
		switch {
		case !there:
			return decision{slug: "reservation-not-found"}
		case known.status == released:
			return decision{slug: "reservation-released"}
		case known.status == confirmed:
			return decision{}
		}
		return decision{after: s.having(0, which, reservation{known.quantity, confirmed})}
	case "ReleaseReservation":
		switch {
		case there && known.status == confirmed:
			return decision{slug: "reservation-confirmed"}
		case !there || known.status == released:
			return decision{}
		}
		return decision{after: s.having(known.quantity, which, reservation{known.quantity, released})}
	}
	return s.count(op)
}

// What came in, or was counted.
func (s stock) count(op operation) decision {
	receipt, change := op.Command == "ReceiveStock", op.Delta
	if receipt {
		change = op.Quantity
	} else if op.Command != "AdjustStock" {
		return decision{slug: "unknown to the model"}
	}
	if change == 0 {
		return decision{slug: "delta-zero"}
	}
	if earlier, known := s.references[used{receipt, op.Reference}]; known && op.Reference != "" {
		if earlier == change {
			return decision{}
		}
		return decision{slug: "stock-reference-used", named: &earlier}
	}
	if change < 0 && s.available < -change {
		return decision{slug: "stock-insufficient", named: &s.available}
	}
	return decision{after: s.with(change, receipt, op.Reference)}
}

type cart struct {
	exists             bool
	customer, currency string
	lines              map[string]int64
}

func (c cart) with(sku string, quantity int64) cart {
	after := cart{exists: true, customer: c.customer, currency: c.currency, lines: make(map[string]int64, len(c.lines)+1)}
	for key, value := range c.lines {
		after.lines[key] = value
	}
	if quantity == 0 {
		delete(after.lines, sku)
	} else {
		after.lines[sku] = quantity
	}
	return after
}

func (c cart) decide(op operation) decision {
	if op.Command == "CreateCart" {
		if !c.exists {
			return decision{after: cart{exists: true, customer: op.Customer, currency: op.Currency}}
		}
		if c.customer == op.Customer && c.currency == op.Currency {
			return decision{}
		}
		return decision{slug: "cart-exists"}
	}
	if !c.exists {
		return decision{slug: "cart-not-found"}
	}
	present := c.lines[op.Sku]
	switch op.Command {
	case "AddCartItem":
		return decision{after: c.with(op.Sku, present+op.Quantity)}
	case "ChangeCartItem":
		if op.Quantity != 0 && present == 0 {
			return decision{slug: "cart-line-not-found"}
		}
		if op.Quantity == present {
			return decision{}
		}
		return decision{after: c.with(op.Sku, op.Quantity)}
	case "RemoveCartItem":
		if present == 0 {
			return decision{}
		}
		return decision{after: c.with(op.Sku, 0)}
	case "EmptyCart":
		if len(c.lines) == 0 {
			return decision{}
		}
		return decision{after: cart{exists: true, customer: c.customer, currency: c.currency}}
	}
	return decision{slug: "unknown to the model"}
}
