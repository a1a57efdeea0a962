/* What the model keeps: the log and what is on the way to it, two owners, and the one answer that waits. */
#define IDLE 0        /* knows nothing: not assigned, or lost, or has crashed */
#define CATCHING_UP 1 /* only within a step */
#define FENCING 2
#define SERVING 3

/* Commands: 0 puts into stream 0, 1 takes it out again; 2 and 3 both want what stream 1 has one of. */
#define BIT(c) (1 << (c))
#define HAS(set, c) (((set) >> (c)) & 1)
#define STREAM(c) ((c) < 2 -> 3 : 12)
#define ACCEPTS(set, c)                                                                                                \
	((c) == 0 -> HAS(set, 0) == HAS(set, 1) : ((c) == 1 -> HAS(set, 0) && !HAS(set, 1) : ((set) & 12) == 0))
#define REJECTS(set, c) (!HAS(set, c) && !ACCEPTS(set, c))

/* The log: what each record turned out to be. */
#define VOID 0
#define COMMIT(f, s, c) (64 | ((f) << 4) | ((s) << 2) | (c)) /* fences: their number, 1..NF */
#define IS_COMMIT(r) ((r) >= 64)
#define FENCE_OF(r) (((r) >> 4) & 3)
#define SEQ_OF(r) (((r) >> 2) & 3)
#define COMMAND_OF(r) ((r) & 3)

byte log[NL];
byte length;
byte current;  /* the last valid fence; 0: none */
byte next_seq; /* that a valid commit must carry */
byte taken;    /* commands in the log, valid */
byte dead;     /* records that can only land void and that nobody waits for */

/* Fences are numbered as they're sent; a number stands for one try of one owner's life. */
byte fences;
byte epoch[NF + 1];
bit fence_sent[NF + 1]; /* it hasn't landed yet */
#ifdef NOREAD
byte fence_at[NF + 1];
#endif

/* Commits by fence and sequence number, kept while they're on the way or in flight. */
typedef commit_t {
	byte command;  /* + 1; 0: there is none */
	byte base;
	byte at;       /* 0: on the way; else offset + 1 of where it landed, or LANDED when its owner won't look at that */
	bit condemned; /* its owner said that this is void, or rejected the command since */
};
#define LANDED 14
#define PLACE(f, s) (((f)-1) * NI + (s))
commit_t commit[NF * NI];

typedef owner_t {
	byte mode;
	byte fence;      /* its last try */
	byte position;   /* records below are ruled on */
	byte known;      /* commands that it knows to be in the log */
	byte view;       /* those and the ones in flight: what the next decision is made on, and what it deduplicates by */
	byte flight;     /* the fence of its commits in flight; 0: none are tracked */
	byte head, tail; /* their sequence numbers: [head, tail) */
};
owner_t o[2];

/* The answer that waits: a rejection of `asked_command`, decided by the owner that serves under fence `asked`. */
byte asked; /* 0: none */
byte asked_command;
byte asked_bound; /* the tail when it was decided */
byte asked_end;   /* the end offset that the leader tells; asked for at once, since a later answer is never easier to satisfy */
bit asked_agreed; /* the log's state has rejected it too since it was asked */

#ifdef FOLLOW_ACKED
byte acked;
#endif

/* Scratch within a step, no part of the state. */
hidden byte s, x, c, r, place, kept;

#define REACHED(n) assert(POINT != (n))

inline forget_question() {
	asked = 0;
	asked_command = 0;
	asked_bound = 0;
	asked_end = 0;
	asked_agreed = 0
}

inline forget_commit(p) {
	commit[p].command = 0;
	commit[p].base = 0;
	commit[p].at = 0;
	commit[p].condemned = 0
}

inline check_void(w) {
#ifdef FOLLOW_ACKED
	assert(SKIPS(1) || !HAS(acked, w) || HAS(taken, w)) /* P1 */
#else
	skip
#endif
}

/* --- fewer states, the same behaviour --- */

/* Owners are alike, so a state and the one with their places changed are the same: the one with the younger fence comes first. */
#define SWAP(field)                                                                                                    \
	kept = o[0].field;                                                                                                 \
	o[0].field = o[1].field;                                                                                           \
	o[1].field = kept
inline bound_dead() {
	if
	:: dead > NL - length -> dead = NL - length
	:: else
	fi
}

inline order_owners() {
	if
	:: o[0].fence < o[1].fence ->
		SWAP(mode);
		SWAP(fence);
		SWAP(position);
		SWAP(known);
		SWAP(view);
		SWAP(flight);
		SWAP(head);
		SWAP(tail)
	:: else
	fi
}

/* A record of an epoch that has passed lands void, by the ledger's own rule, and if no owner waits for it, all that matters is that it may still land. Not where
 * that rule is switched off. */
#if !defined(WHOLE) && !defined(NOEPOCH) && !defined(NOHIGHER)
#define IS_TRACKED_BY(i, p) (o[i].flight == (p) / NI + 1 && (p) % NI >= o[i].head && (p) % NI < o[i].tail)
inline bury() {
	for (x : 0 .. NF * NI - 1) {
		if
		:: commit[x].command != 0 && commit[x].at == 0 && epoch[x / NI + 1] < epoch[current] && !IS_TRACKED_BY(0, x) &&
		   !IS_TRACKED_BY(1, x) ->
			check_void(commit[x].command - 1);
			forget_commit(x);
			dead++
		:: else
		fi
	}
	for (x : 1 .. NF) {
		if
		:: fence_sent[x] && epoch[x] <= epoch[current] && o[0].fence != x && o[1].fence != x ->
			fence_sent[x] = 0;
			dead++
		:: else
		fi
	}
	bound_dead()
}
#else
inline bury() {
	skip
}
#endif

inline make_canonical() {
	if
	:: o[0].mode == SERVING && o[1].mode == SERVING -> REACHED(8)
	:: else
	fi;
#ifndef WHOLE
	order_owners();
#endif
	bury()
}
