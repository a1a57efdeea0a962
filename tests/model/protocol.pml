/* The write protocol of one partition (docs/architecture.md, "One writer per partition, decided by the log") for Spin; `run` beside this file says how.
 *
 * Two would-be owners, one log, two streams, four commands that may be asked for at any time, of either owner, again and again. What can happen:
 *
 *   - a record that was sent lands at any later time, in any order, or never: late, lost, a hole, landed though its sender was told of a failure;
 *   - an owner pauses (nothing makes it run), fences whenever it likes (it was assigned the partition, or it is in doubt), forgets everything (a crash);
 *   - an owner takes in reports and records one by one, as late as it likes. An owner that serves may read on at any time.
 *
 * What a reader rules on a record is a function of the log before it, the same for all: it is worked out once, when the record lands, and the log keeps
 * the ruling. What an owner knows is what it has read or was told, never the log itself.
 *
 * A stream's state is the set of commands that it took, so a record's `base` (the set that it was decided on) stands for version and state alike.
 *
 *   P1  a command is acknowledged only when the log holds it, valid, at the offset that the answer names; and the log holds it once
 *   P2  a rejected attempt never appears, and at some moment between question and answer the log's own state rejected it
 *   P3  a valid commit was decided on the very state that the log has before it: versions without gap or duplicate
 *   P4  the answer "duplicate" names a command that the log holds, valid; a retried command is in the log at most once
 *   P5  when a fence has settled what was in doubt, a command is in the log for ever or its record is void for ever
 *
 * Rejections change no owner's state. So one question at a time is enough, whose answer may come at any moment that the rules allow, and it needs to be followed
 * only until the log's state has rejected it too (unless FOLLOW_ALL). A duplicate's answer is checked when it is decided, which is earlier than
 * it is given: what is in the log stays there.
 *
 * Bounds: NL records in the log, NF fences, NI commits of each fence. Rules that can be switched off: see `run --list`. */
#ifndef NL
#define NL 6
#endif
#ifndef NF
#define NF 3
#endif
#ifndef NI
#define NI 3
#endif
#ifndef POINT
#define POINT 0 /* n: reaching point n is reported as an error */
#endif
#ifndef ONLY
#define ONLY 0 /* n: only property n is checked */
#endif
#define SKIPS(n) (ONLY != 0 && ONLY != (n))
#define NONE 15

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
#ifdef EARLYACK
#define ACK_LATER 0
#else
#define ACK_LATER 1
#endif

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

/* --- the log --- */

inline land_dead() {
	printf("log: a record of an epoch that has passed lands at %d\n", length);
	log[length] = VOID;
	length++;
	dead--;
	bound_dead()
}

inline land_fence(f) {
	printf("log: fence %d of epoch %d lands at %d\n", f, epoch[f], length);
	fence_sent[f] = 0;
#ifdef NOREAD
	fence_at[f] = length;
#endif
	if
#ifdef NOHIGHER
	:: true ->
#else
	:: epoch[f] > epoch[current] ->
#endif
		log[length] = f;
		current = f;
		next_seq = 0
#ifndef NOHIGHER
	:: else ->
		log[length] = VOID
#endif
	fi;
	length++;
	bury()
}

#ifdef NOEPOCH
#define EPOCH_COUNTS(f) (current != 0)
#else
#define EPOCH_COUNTS(f) (epoch[f] == epoch[current] && current != 0)
#endif
#ifdef NOSEQ
#define SEQ_COUNTS(n) true
#else
#define SEQ_COUNTS(n) ((n) == next_seq)
#endif

inline land_commit(f, n) {
	place = PLACE(f, n);
	c = commit[place].command - 1;
	printf("log: command %d of fence %d, number %d, lands at %d\n", c, f, n, length);
	if
	:: EPOCH_COUNTS(f) && SEQ_COUNTS(n) ->
		assert((SKIPS(2) && SKIPS(5)) || !commit[place].condemned);    /* P2, P5 */
		assert((SKIPS(1) && SKIPS(4)) || !HAS(taken, c));              /* P1, P4 */
		assert(SKIPS(3) || commit[place].base == (taken & STREAM(c))); /* P3 */
		assert(SKIPS(3) || ACCEPTS(taken, c));                         /* P3 */
		taken = taken | BIT(c);
		next_seq = n + 1;
		log[length] = COMMIT(f, n, c);
		if
		:: current == 3 -> REACHED(10)
		:: else
		fi;
		if
		:: asked != 0 && REJECTS(taken, asked_command) ->
#ifdef FOLLOW_ALL
			asked_agreed = 1
#else
			forget_question()
#endif
		:: else
		fi
	:: else ->
		log[length] = VOID;
		check_void(c);
		REACHED(3)
	fi;
	length++;
	if
	:: (o[0].flight == f && n >= o[0].head && n < o[0].tail && o[0].mode == SERVING) ||
	   (o[1].flight == f && n >= o[1].head && n < o[1].tail && o[1].mode == SERVING) ->
		commit[place].at = length
	:: (o[0].flight == f && n >= o[0].head && n < o[0].tail && o[0].mode != SERVING) ||
	   (o[1].flight == f && n >= o[1].head && n < o[1].tail && o[1].mode != SERVING) ->
		commit[place].at = LANDED
	:: else ->
		forget_commit(place)
	fi;
	bound_dead()
}

/* --- an owner: what becomes of its commits in flight --- */

/* The oldest in flight is in the log at `offset`: it is acknowledged. */
inline settle_committed(i, offset) {
	place = PLACE(o[i].flight, o[i].head);
	c = commit[place].command - 1;
	printf("owner %d: command %d is committed at %d\n", o[i].fence, c, offset);
#ifndef EARLYACK
	assert(SKIPS(1) || (IS_COMMIT(log[offset]) && COMMAND_OF(log[offset]) == c)); /* P1 */
#endif
#ifdef FOLLOW_ACKED
	acked = acked | BIT(c);
#endif
	REACHED(1);
	if
	:: o[i].mode == SERVING && log[offset - 1] == VOID -> REACHED(4)
	:: else
	fi;
	o[i].known = o[i].known | BIT(c);
	o[i].view = o[i].view | BIT(c);
	o[i].position = offset + 1; /* before what `offset` may be an expression of */
	forget_commit(place);
	o[i].head++
}

/* Behind a fence all that is in flight is void for ever. */
inline settle_void(i) {
	for (s : o[i].head .. NI - 1) {
		if
		:: s < o[i].tail ->
			place = PLACE(o[i].flight, s);
			c = commit[place].command - 1;
			printf("owner %d: command %d is void\n", o[i].fence, c);
			for (x : 0 .. NL - 1) {
				assert(SKIPS(5) || log[x] != COMMIT(o[i].flight, s, c)) /* P5 */
			}
			check_void(c);
			if
			:: o[i].mode != SERVING -> REACHED(6)
			:: else
			fi;
			if
			:: commit[place].at == 0 -> commit[place].condemned = 1
			:: else -> forget_commit(place)
			fi
		:: else
		fi
	}
#ifndef NOREDECIDE
	o[i].view = o[i].known;
#endif
	o[i].flight = 0;
	o[i].head = 0;
	o[i].tail = 0
}

/* Crashed, released or lost: nothing is promised of what is in flight. */
inline go_idle(i) {
	for (s : o[i].head .. NI - 1) {
		if
		:: s < o[i].tail && commit[PLACE(o[i].flight, s)].at != 0 -> forget_commit(PLACE(o[i].flight, s))
		:: else
		fi
	}
	if
	:: asked != 0 && asked == o[i].fence -> forget_question()
	:: else
	fi;
	o[i].mode = IDLE;
	o[i].fence = 0;
	o[i].position = 0;
	o[i].known = 0;
	o[i].view = 0;
	o[i].flight = 0;
	o[i].head = 0;
	o[i].tail = 0
}

/* --- an owner: reading --- */

inline read_fence(i) {
	settle_void(i);
	if
	:: r == o[i].fence && o[i].mode == FENCING ->
		o[i].mode = SERVING;
		o[i].flight = r;
		printf("owner %d: serves\n", r)
	:: r != o[i].fence && o[i].mode == SERVING ->
		printf("owner %d: meets fence %d, is lost\n", o[i].fence, r);
		go_idle(i)
	:: else
	fi
}

/* The oldest in flight is told by its epoch and sequence number. */
#define IS_OLDEST_IN_FLIGHT(i)                                                                                         \
	(o[i].head < o[i].tail && epoch[FENCE_OF(r)] == epoch[o[i].flight] && SEQ_OF(r) == o[i].head)

inline read_record(i) {
	r = log[o[i].position];
	if
	:: r == VOID ->
		o[i].position++
	:: IS_COMMIT(r) && IS_OLDEST_IN_FLIGHT(i) ->
		if
		:: o[i].mode != SERVING -> REACHED(5)
		:: else
		fi;
		settle_committed(i, o[i].position)
	:: IS_COMMIT(r) && !IS_OLDEST_IN_FLIGHT(i) ->
#ifndef NOCATCHUP
		o[i].known = o[i].known | BIT(COMMAND_OF(r));
		o[i].view = o[i].view | BIT(COMMAND_OF(r));
#endif
		o[i].position++
	:: else ->
		o[i].position++;
		read_fence(i)
	fi
}

/* --- an owner: fencing --- */

#define BOTH_IDLE (o[0].mode == IDLE && o[1].mode == IDLE)
#define MAY_FENCE(i) (fences < NF && !((i) == 1 && BOTH_IDLE))

inline leave_serving(i) {
	if
	:: o[i].mode == SERVING ->
		for (s : o[i].head .. NI - 1) {
			if
			:: s < o[i].tail && commit[PLACE(o[i].flight, s)].at != 0 -> commit[PLACE(o[i].flight, s)].at = LANDED
			:: else
			fi
		}
		if
		:: o[i].head == o[i].tail ->
			o[i].flight = 0;
			o[i].head = 0;
			o[i].tail = 0
		:: else
		fi;
		if
		:: asked == o[i].fence -> forget_question()
		:: else
		fi
	:: else
	fi
}

/* Assigned the partition, or in doubt, or no answer to the last fence: reads to the end and sends a fence above all that it has read or tried. */
inline send_fence(i) {
	leave_serving(i);
	o[i].mode = CATCHING_UP;
	do
	:: o[i].position < length -> read_record(i)
	:: else -> break
	od;
	if
	:: o[i].flight != 0 && o[i].head == o[i].tail ->
		o[i].flight = 0;
		o[i].head = 0;
		o[i].tail = 0
	:: else
	fi;
	fences++;
	epoch[fences] = (epoch[o[i].fence] > epoch[current] -> epoch[o[i].fence] : epoch[current]) + 1;
	o[i].fence = fences;
	fence_sent[fences] = 1;
	printf("owner %d: has read up to %d, sends a fence of epoch %d\n", fences, length, epoch[fences]);
	o[i].mode = FENCING
}

/* Its fence has landed: reads up to it. A fence that isn't met is void: another was quicker. */
inline serve(i) {
#ifdef NOREAD
	do
	:: o[i].mode == FENCING && o[i].position < fence_at[o[i].fence] -> read_record(i)
	:: else -> break
	od;
	settle_void(i);
	o[i].mode = SERVING;
	o[i].flight = o[i].fence;
	o[i].position = fence_at[o[i].fence] + 1
#else
	do
	:: o[i].mode == FENCING && o[i].position < length -> read_record(i)
	:: else -> break
	od;
	if
	:: o[i].mode == FENCING -> go_idle(i)
	:: else
	fi
#endif
}

/* --- an owner: serving --- */

/* A client asks for a command, for the first time or again. What is in flight is answered with its commit. */
#ifdef NODEDUP
#define IS_NEW(i, w) true
#define REPEATS(i) false
#else
#define IS_NEW(i, w) (!HAS(o[i].view, w))
#define REPEATS(i) (o[i].known != 0)
#endif
#define HAS_ROOM(i) (o[i].tail < NI && commit[PLACE(o[i].fence, o[i].tail)].command == 0)
#define MAY_APPEND(i, w) (o[i].mode == SERVING && IS_NEW(i, w) && ACCEPTS(o[i].view, w) && HAS_ROOM(i))
#define MAY_REJECT(i, w) (o[i].mode == SERVING && IS_NEW(i, w) && !ACCEPTS(o[i].view, w))

/* Records of a command that was rejected here count no more, whoever sent them under this epoch or an earlier one. */
inline condemn_older(i, w) {
	for (x : 0 .. NF * NI - 1) {
		if
		:: commit[x].command == (w) + 1 && commit[x].at == 0 && epoch[x / NI + 1] <= epoch[o[i].fence] ->
			commit[x].condemned = 1
		:: else
		fi
	}
}

inline reject(i, w) {
	printf("owner %d: decides that command %d is rejected, knowing %d of %d\n", o[i].fence, w, o[i].view, taken);
	condemn_older(i, w);
	if
#ifdef FOLLOW_ALL
	:: asked == 0 ->
		asked_agreed = REJECTS(taken, w);
#else
	:: asked == 0 && !REJECTS(taken, w) ->
#endif
		asked = o[i].fence;
		asked_command = w;
		asked_bound = o[i].tail;
		asked_end = length
	:: else
	fi
}

inline append(i, w) {
	place = PLACE(o[i].fence, o[i].tail);
	commit[place].command = (w) + 1;
	commit[place].base = o[i].view & STREAM(w);
	o[i].view = o[i].view | BIT(w);
	printf("owner %d: appends command %d as number %d\n", o[i].fence, w, o[i].tail);
	o[i].tail++;
#ifdef EARLYACK
	acked = acked | BIT(w)
#endif
}

/* What an answer that appends nothing waits for (rule 6). */
#ifdef NOSETTLED
#define IS_SETTLED(i) true
#else
#define IS_SETTLED(i) (o[i].head >= asked_bound)
#endif
#ifdef NOCONFIRM
#define IS_CONFIRMED(i) true
#else
#define IS_CONFIRMED(i) (o[i].position >= asked_end)
#endif
#define LATER_COMMIT(i) (o[i].head > asked_bound)

#ifdef NOCONTIG
#define FOLLOWS(i, at) ((at) != 0 && (at) > o[i].position)
#else
#define FOLLOWS(i, at) ((at) == o[i].position + 1)
#endif
#define OLDEST_AT(i) commit[PLACE(o[i].flight, o[i].head)].at
#define HAS_FLIGHT(i) (o[i].mode == SERVING && o[i].head < o[i].tail)

#define ASKED(i, w)                                                                                                    \
	:: d_step { MAY_APPEND(i, w) -> append(i, w) }                                                                     \
	:: d_step { MAY_REJECT(i, w) -> reject(i, w) }

active [2] proctype owner() {
end:
	do
	:: d_step { MAY_FENCE(_pid) -> send_fence(_pid); make_canonical() }
	:: d_step { o[_pid].mode == FENCING && !fence_sent[o[_pid].fence] -> serve(_pid); make_canonical() }
	:: d_step { o[_pid].mode != IDLE -> printf("owner %d: crashes\n", o[_pid].fence); go_idle(_pid); make_canonical() }
	ASKED(_pid, 0)
	ASKED(_pid, 1)
	ASKED(_pid, 2)
	ASKED(_pid, 3)
	:: d_step {
		o[_pid].mode == SERVING && REPEATS(_pid) ->
		printf("owner %d: answers what it knows as duplicate\n", o[_pid].fence);
		assert(SKIPS(4) || (o[_pid].known & ~taken) == 0); /* P4 */
		REACHED(7)
	}
	/* A delivery report without a gap before it needs no reading. */
	:: d_step {
		HAS_FLIGHT(_pid) && FOLLOWS(_pid, OLDEST_AT(_pid)) ->
		settle_committed(_pid, OLDEST_AT(_pid) - 1)
	}
	:: d_step {
		o[_pid].mode == SERVING && o[_pid].position < length ->
		read_record(_pid);
		make_canonical()
	}
#ifdef NOREFENCE
	/* In doubt, it only looks whether the log holds its commits. */
	:: d_step {
		HAS_FLIGHT(_pid) && o[_pid].position == length ->
		kept = o[_pid].head;
		settle_void(_pid);
		o[_pid].flight = o[_pid].fence;
		o[_pid].head = kept;
		o[_pid].tail = kept
	}
#endif
	:: d_step {
		o[_pid].mode == SERVING && asked == o[_pid].fence &&
		(LATER_COMMIT(_pid) || (IS_SETTLED(_pid) && IS_CONFIRMED(_pid))) ->
		printf("owner %d: answers that command %d is rejected\n", o[_pid].fence, asked_command);
		assert(SKIPS(2) || asked_agreed); /* P2 */
		REACHED(2);
		if
		:: LATER_COMMIT(_pid) -> REACHED(9)
		:: asked_bound > 0 && !LATER_COMMIT(_pid) -> REACHED(11)
		:: else
		fi;
		forget_question()
	}
	od
}

#define LANDS_FENCE(f) d_step { length < NL && fence_sent[f] -> land_fence(f) }
#define LANDS(f, n) d_step { length < NL && commit[PLACE(f, n)].command != 0 && commit[PLACE(f, n)].at == 0 -> land_commit(f, n) }

active proctype network() {
end:
	do
	:: d_step { length < NL && dead > 0 -> land_dead() }
	:: LANDS_FENCE(1)
	:: LANDS_FENCE(2)
	:: LANDS(1, 0)
	:: LANDS(1, 1)
	:: LANDS(2, 0)
	:: LANDS(2, 1)
#if NI > 2
	:: LANDS(1, 2)
	:: LANDS(2, 2)
#endif
#if NF > 2
	:: LANDS_FENCE(3)
	:: LANDS(3, 0)
	:: LANDS(3, 1)
#if NI > 2
	:: LANDS(3, 2)
#endif
#endif
	od
}
